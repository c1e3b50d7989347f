/** Whether a key belongs to a field, a menu or a popover, or to the browser: then it is no command. */
export function isTyping(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return true;
  const { target } = event;
  if (!(target instanceof Element)) return false;
  return (
    target.closest("input:not([type=checkbox]), textarea, select, [role=menu], [role=dialog]") !==
    null
  );
}
