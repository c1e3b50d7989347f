import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import type { OwnAccount } from "#shared/account.ts";
import type { User } from "#shared/http.ts";
import { accountQuery } from "../../api/account.ts";
import { sentenceOf } from "../../api/request.ts";
import { PageHeader } from "../../components/page-header.tsx";
import styles from "./account-page.module.css";
import { DeleteAccount } from "./delete-account.tsx";
import { EmailForm } from "./email-form.tsx";
import { OwnCopy } from "./own-copy.tsx";
import { PasswordForm } from "./password-form.tsx";
import { ProfileForm } from "./profile-form.tsx";
import { SecondFactor } from "./second-factor.tsx";
import { Sessions } from "./sessions.tsx";

/** `/account`: one's own name, ways in, sessions and data. */
export function AccountPage({ user }: { user: User }) {
  const account = useQuery(accountQuery);
  useEffect(() => {
    document.title = "Your account · Palimpsest";
  }, []);
  return (
    <>
      <PageHeader user={user} />
      <main className={styles.column}>
        <h1>Your account</h1>
        {account.error !== null && account.data === undefined && (
          <p role="alert" className={styles.failure}>
            {sentenceOf(account.error)}
          </p>
        )}
        {account.data && <Sections account={account.data} />}
      </main>
    </>
  );
}

function Sections({ account }: { account: OwnAccount }) {
  const mustSetUp = account.totpRequired && !account.totp;
  return (
    <>
      {mustSetUp && (
        <p role="alert" className={styles.must}>
          Here an admin goes on only with a second factor. Set it up below.
        </p>
      )}
      {mustSetUp && <SecondFactorSection account={account} />}
      <Section title="You" about="Others see your name beside what you write.">
        <ProfileForm account={account} />
      </Section>
      <Section title="Email" about="What you sign in with.">
        <EmailForm account={account} />
      </Section>
      <Section title="Password" about="A change signs you out everywhere else.">
        <PasswordForm account={account} />
      </Section>
      {!mustSetUp && <SecondFactorSection account={account} />}
      <Section title="Where you are signed in" about="End what you do not know.">
        <Sessions />
      </Section>
      <Section
        title="Your data"
        about="All that is kept about you, and your documents, in one file."
      >
        <OwnCopy />
      </Section>
      <Section title="Delete your account" about="For good, at once.">
        <DeleteAccount account={account} />
      </Section>
    </>
  );
}

function SecondFactorSection({ account }: { account: OwnAccount }) {
  return (
    <Section title="Second factor" about="A code of your phone, besides the password.">
      <SecondFactor account={account} />
    </Section>
  );
}

interface SectionProps {
  title: string;
  about: string;
  children: ReactNode;
}

function Section({ title, about, children }: SectionProps) {
  return (
    <section className={styles.section} aria-label={title}>
      <div>
        <h2>{title}</h2>
        <p>{about}</p>
      </div>
      <div className={styles.body}>{children}</div>
    </section>
  );
}
