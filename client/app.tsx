import { lazy, type ReactNode, Suspense } from "react";
import { Navigate, Route, Routes, useLocation } from "react-router";
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
        <Route path="/" element={<SignedIn>{(user) => <DocumentsPage user={user} />}</SignedIn>} />
        <Route
          path="/documents/:documentId"
          element={<SignedIn>{(user) => <DocumentPage user={user} />}</SignedIn>}
        />
        <Route
          path="/watch/:documentId"
          element={<SignedIn>{(user) => <WatchPage user={user} />}</SignedIn>}
        />
        <Route path="*" element={<NotFoundPage />} />
      </Routes>
    </Suspense>
  );
}

/** Draws a page for the signed-in account, or leads to the sign-in page and back. */
function SignedIn({ children }: { children: (user: User) => ReactNode }) {
  const me = useMe();
  const location = useLocation();
  if (me.data) return <LiveProvider key={me.data.id}>{children(me.data)}</LiveProvider>;
  if (me.data === null) {
    return <Navigate to="/sign-in" replace state={{ from: location.pathname }} />;
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
