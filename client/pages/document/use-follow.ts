import { useCallback, useRef, useState } from "react";
import type { ManuscriptControls } from "../../editor/manuscript-editor.ts";

/** "Follow the model", as a button can show and switch it. */
export interface FollowSwitch {
  readonly following: boolean;
  toggle: () => void;
  /** Binds the switch to a new editor, which goes on following if the last one did. */
  attach: (controls: ManuscriptControls) => void;
}

/** Mirrors the manuscript's own following; it ends by itself when the reader scrolls or writes. */
export function useFollow(): FollowSwitch {
  const [following, setFollowing] = useState(false);
  const controls = useRef<ManuscriptControls | null>(null);
  const forget = useRef<() => void>(() => undefined);
  const attach = useCallback((next: ManuscriptControls) => {
    forget.current();
    const wasFollowing = controls.current?.isFollowing() ?? false;
    controls.current = next;
    forget.current = next.onFollowChange(setFollowing);
    next.setFollow(wasFollowing);
  }, []);
  const toggle = useCallback(() => {
    controls.current?.setFollow(!controls.current.isFollowing());
  }, []);
  return { following, toggle, attach };
}
