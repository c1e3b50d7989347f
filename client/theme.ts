import {
  ActionIcon,
  Button,
  Checkbox,
  createTheme,
  Menu,
  Popover,
  Radio,
  Switch,
  Tooltip,
  type VariantColorsResolver,
} from "@mantine/core";

const clear = "transparent";

/** Our buttons in our colours: "filled" is ink on paper, "live" is rubric red, the rest is hairlines. */
const variantColorResolver: VariantColorsResolver = ({ variant }) => {
  switch (variant) {
    case "live":
      return {
        background: "var(--live)",
        hover: "color-mix(in oklab, var(--live) 88%, var(--ink))",
        color: "var(--on-live)",
        border: "1px solid transparent",
      };
    case "default":
      return {
        background: "var(--raised)",
        hover: "var(--hover)",
        color: "var(--ink)",
        border: "1px solid var(--rule)",
      };
    case "subtle":
      return {
        background: clear,
        hover: "var(--hover)",
        color: "var(--ink)",
        border: "1px solid transparent",
      };
    default:
      return {
        background: "var(--ink)",
        hover: "color-mix(in oklab, var(--ink) 85%, var(--paper))",
        color: "var(--paper)",
        border: "1px solid transparent",
      };
  }
};

/** What Mantine's components know of our look; the colours themselves are in theme.css. */
export const theme = createTheme({
  fontFamily: "var(--face-frame)",
  defaultRadius: 8,
  focusRing: "auto",
  cursorType: "pointer",
  variantColorResolver,
  components: {
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: "subtle", size: 32 } }),
    Button: Button.extend({ defaultProps: { size: "sm" } }),
    Checkbox: Checkbox.extend({ defaultProps: { color: "var(--ink)", iconColor: "var(--paper)" } }),
    Menu: Menu.extend({ defaultProps: { position: "bottom-end", offset: 4 } }),
    Popover: Popover.extend({ defaultProps: { offset: 4, trapFocus: true, returnFocus: true } }),
    Radio: Radio.extend({ defaultProps: { color: "var(--ink)", iconColor: "var(--paper)" } }),
    Switch: Switch.extend({ defaultProps: { withThumbIndicator: false } }),
    Tooltip: Tooltip.extend({
      defaultProps: {
        openDelay: 400,
        events: { hover: true, focus: true, touch: false },
        // Most stand in the dock and the header: held in place, they need no drawing as the text scrolls.
        floatingStrategy: "fixed",
      },
    }),
  },
});
