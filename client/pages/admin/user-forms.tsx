import type { AdminUser, Decision } from "#shared/admin.ts";
import type { AccountRole } from "#shared/permissions.ts";
import { useChangeRole, useDecide, useEndSessions } from "../../api/admin-users.ts";
import { AskForm } from "./ask-form.tsx";
import { QuotaForm } from "./quota-form.tsx";
import { ReasonForm } from "./reason-form.tsx";
import { ResetLinkForm } from "./reset-link-form.tsx";

export type UserFormName = Decision | `role-${AccountRole}` | "quota" | "reset" | "end-sessions";

interface UserFormProps {
  user: AdminUser;
  onClose: () => void;
}

/** The form of one thing that can be done about an account. */
export function UserForm({ name, ...props }: UserFormProps & { name: UserFormName }) {
  switch (name) {
    case "approve":
    case "reject":
    case "suspend":
    case "reinstate":
      return <DecisionForm decision={name} {...props} />;
    case "role-admin":
      return <RoleForm wanted="admin" {...props} />;
    case "role-sponsor":
      return <RoleForm wanted="sponsor" {...props} />;
    case "role-editor":
      return <RoleForm wanted="editor" {...props} />;
    case "quota":
      return <QuotaForm {...props} />;
    case "reset":
      return <ResetLinkForm {...props} />;
    case "end-sessions":
      return <EndSessionsForm {...props} />;
  }
}

const decisionWords: { readonly [each in Decision]: { action: string; effect: string } } = {
  approve: { action: "Approve", effect: "They can sign in from now on." },
  reject: { action: "Reject", effect: "They read the reason when they try to sign in." },
  suspend: {
    action: "Suspend",
    effect: "They are signed out at once, and their runs pause. Their documents stay.",
  },
  reinstate: { action: "Reinstate", effect: "They can sign in again." },
};

function DecisionForm({ decision, user, onClose }: UserFormProps & { decision: Decision }) {
  const decide = useDecide();
  const { action, effect } = decisionWords[decision];
  const question = `${action} ${user.name}? ${effect}`;
  const send = (reason: string) =>
    decide.mutate({ id: user.id, decision, reason }, { onSuccess: onClose });
  const common = { question, action, pending: decide.isPending, error: decide.error };
  if (decision === "approve" || decision === "reinstate")
    return <AskForm {...common} onYes={() => send("")} onCancel={onClose} />;
  return <ReasonForm {...common} onReason={send} onCancel={onClose} />;
}

const roleWords: { readonly [role in AccountRole]: string } = {
  admin: "Admins decide who gets in, and see every document’s title, never its text.",
  sponsor: "Sponsors own documents and set the model to writing.",
  editor: "Editors write in documents that are shared with them.",
};

function RoleForm({ wanted, user, onClose }: UserFormProps & { wanted: AccountRole }) {
  const change = useChangeRole();
  return (
    <AskForm
      question={`Make ${user.name} ${wanted === "sponsor" ? "a" : "an"} ${wanted}? ${roleWords[wanted]}`}
      action={`Make ${wanted}`}
      pending={change.isPending}
      error={change.error}
      onYes={() => change.mutate({ id: user.id, role: wanted }, { onSuccess: onClose })}
      onCancel={onClose}
    />
  );
}

function EndSessionsForm({ user, onClose }: UserFormProps) {
  const end = useEndSessions();
  return (
    <AskForm
      question={`Sign ${user.name} out everywhere? They can sign in again.`}
      action="Sign out everywhere"
      pending={end.isPending}
      error={end.error}
      onYes={() => end.mutate(user.id, { onSuccess: onClose })}
      onCancel={onClose}
    />
  );
}
