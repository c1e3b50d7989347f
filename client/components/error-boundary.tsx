import { Button } from "@mantine/core";
import { Component, type ReactNode } from "react";
import { Notice } from "./notice.tsx";

interface State {
  broken: boolean;
}

/** Catches what a page throws while it draws, and says so in plain words. */
export class ErrorBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { broken: false };

  static getDerivedStateFromError(): State {
    return { broken: true };
  }

  override render(): ReactNode {
    if (!this.state.broken) return this.props.children;
    return (
      <Notice title="This page stopped working">
        <p>What was saved is safe on the server. Reload the page to go on.</p>
        <Button onClick={() => window.location.reload()}>Reload</Button>
      </Notice>
    );
  }
}
