import { lazy, type ReactNode, Suspense, useState } from "react";
import { Navigate, Outlet, Route, Routes, useLocation, useOutletContext } from "react-router";
import type { User } from "#shared/http.ts";
import { sentenceOf } from "./api/request.ts";
import { useMe } from "./api/session.ts";
import { Notice } from "./components/notice.tsx";
import { LiveProvider } from "./live/live-provider.tsx";
import { DocumentsPage } from "./pages/documents/documents-page.tsx";
import { NotFoundPage } from "./pages/not-found-page.tsx";
import { SignInPage } from "./pages/sign-in-page.tsx";

// The editor is most of the code; it loads with the first document that is opened.
const DocumentPage = lazy(async () => {
  const { DocumentPage } = await import("./pages/document/document-page.tsx");
  return { default: DocumentPage };
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
        <Route element={<SignedIn />}>
          <Route path="/" element={<ForUser>{(user) => <DocumentsPage user={user} />}</ForUser>} />
          <Route
            path="/documents/:documentId"
            element={<ForUser>{(user) => <DocumentPage user={user} />}</ForUser>}
          />
          <Route
            path="/watch/:documentId"
            element={<ForUser>{(user) => <WatchPage user={user} />}</ForUser>}
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
  const [wasIn, setWasIn] = useState(false);
  if (me.data && !wasIn) setWasIn(true);
  if (me.data) {
    return (
      <LiveProvider key={me.data.id}>
        <Outlet context={me.data} />
      </LiveProvider>
    );
  }
  if (me.data === null) {
    return <Navigate to="/sign-in" replace state={{ from: location.pathname, wasIn }} />;
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

/** Draws a page for the account that `SignedIn` holds. */
function ForUser({ children }: { children: (user: User) => ReactNode }) {
  return children(useOutletContext<User>());
}
