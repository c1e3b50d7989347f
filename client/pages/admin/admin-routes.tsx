import { Navigate, Route, Routes } from "react-router";
import type { User } from "#shared/http.ts";
import { mayGlobally } from "#shared/permissions.ts";
import { NotFoundPage } from "../not-found-page.tsx";
import { AdminFrame } from "./admin-frame.tsx";
import { AuditPage } from "./audit-page.tsx";
import { DocumentsPage } from "./documents-page.tsx";
import { HealthPage } from "./health-page.tsx";
import { ModelsPage } from "./models-page.tsx";
import { RequestsPage } from "./requests-page.tsx";
import { UsersPage } from "./users-page.tsx";

/** `/admin/…`; for everyone but admins there is nothing here. */
export function AdminRoutes({ user }: { user: User }) {
  if (!mayGlobally(user.role, "administer")) return <NotFoundPage />;
  return (
    <Routes>
      <Route element={<AdminFrame user={user} />}>
        <Route index element={<Navigate to="requests" replace />} />
        <Route path="requests" element={<RequestsPage />} />
        <Route path="users" element={<UsersPage admin={user} />} />
        <Route path="documents" element={<DocumentsPage />} />
        <Route path="models" element={<ModelsPage />} />
        <Route path="audit" element={<AuditPage />} />
        <Route path="health" element={<HealthPage />} />
      </Route>
      <Route path="*" element={<NotFoundPage />} />
    </Routes>
  );
}
