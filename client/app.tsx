import { lazy, type ReactNode, Suspense, useState } from "react";
import { Navigate, Outlet, Route, Routes, useLocation, useOutletContext } from "react-router";
import type { User } from "#shared/http.ts";
import type { AccountEnded } from "#shared/socket-events.ts";
import { sentenceOf } from "./api/request.ts";
import { useMe } from "./api/session.ts";
import { AccountEndedProvider, useAccountEnded } from "./components/account-ended.ts";
import { AccountEndedNotice } from "./components/account-ended-notice.tsx";
import { Notice } from "./components/notice.tsx";
import { LiveProvider } from "./live/live-provider.tsx";
import { DocumentsPage } from "./pages/documents/documents-page.tsx";
import { ForgottenPasswordPage } from "./pages/entry/forgotten-password-page.tsx";
import { ResetPasswordPage } from "./pages/entry/reset-password-page.tsx";
import { SignInPage } from "./pages/entry/sign-in-page.tsx";
import { SignUpPage } from "./pages/entry/sign-up-page.tsx";
import { NotFoundPage } from "./pages/not-found-page.tsx";

// The editor is most of the code; it loads with the first document that is opened.
const DocumentPage = lazy(async () => {
  const { DocumentPage } = await import("./pages/document/document-page.tsx");
  return { default: DocumentPage };
});
const AccountPage = lazy(async () => {
  const { AccountPage } = await import("./pages/account/account-page.tsx");
  return { default: AccountPage };
});
const AdminRoutes = lazy(async () => {
  const { AdminRoutes } = await import("./pages/admin/admin-routes.tsx");
  return { default: AdminRoutes };
});
const WatchPage = lazy(async () => {
  const { WatchPage } = await import("./pages/watch/watch-page.tsx");
  return { default: WatchPage };
});

/** Every address of the client. */
export function App() {
  return (
    <Suspense fallback={null}>
      <Routes>
        <Route path="/sign-in" element={<SignInPage />} />
        <Route path="/sign-up" element={<SignUpPage />} />
        <Route path="/forgotten" element={<ForgottenPasswordPage />} />
        <Route path="/reset" element={<ResetPasswordPage />} />
        <Route element={<SignedIn />}>
          <Route path="/" element={<ForUser>{(user) => <DocumentsPage user={user} />}</ForUser>} />
          <Route
            path="/documents/:documentId"
            element={<ForUser showsEnd>{(user) => <DocumentPage user={user} />}</ForUser>}
          />
          <Route
            path="/watch/:documentId"
            element={<ForUser>{(user) => <WatchPage user={user} />}</ForUser>}
          />
          <Route
            path="/account"
            element={<ForUser>{(user) => <AccountPage user={user} />}</ForUser>}
          />
          <Route
            path="/admin/*"
            element={<ForUser>{(user) => <AdminRoutes user={user} />}</ForUser>}
          />
        </Route>
        <Route path="*" element={<NotFoundPage />} />
      </Routes>
    </Suspense>
  );
}

/** Holds the pages of the signed-in account and their one connection; else leads to sign in and back. */
function SignedIn() {
  const me = useMe();
  const location = useLocation();
  const [wasIn, setWasIn] = useState<User | null>(null);
  const [ended, setEnded] = useState<AccountEnded | null>(null);
  if (me.data && me.data !== wasIn) setWasIn(me.data);
  // A page whose account has ended stays, signed out, to show what was not saved.
  const user = ended === null ? me.data : wasIn;
  if (user) {
    return (
      <LiveProvider key={user.id} onAccountEnded={setEnded}>
        <AccountEndedProvider value={ended}>
          <Outlet context={user} />
        </AccountEndedProvider>
      </LiveProvider>
    );
  }
  if (me.data === null) {
    const from = `${location.pathname}${location.search}`;
    return <Navigate to="/sign-in" replace state={{ from, wasIn: wasIn !== null }} />;
  }
  if (me.failureReason !== null) {
    return (
      <Notice title="The server does not answer">
        <p>{sentenceOf(me.failureReason)} This page goes on trying by itself.</p>
      </Notice>
    );
  }
  return null;
}

interface ForUserProps {
  /** The page says by itself that the account has ended, as it may hold unsaved words. */
  showsEnd?: boolean;
  children: (user: User) => ReactNode;
}

/** Draws a page for the account that `SignedIn` holds. */
function ForUser({ showsEnd = false, children }: ForUserProps) {
  const user = useOutletContext<User>();
  const ended = useAccountEnded();
  if (ended !== null && !showsEnd) return <AccountEndedNotice ended={ended} />;
  return children(user);
}
