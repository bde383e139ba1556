/** Light and dark: as the system has it, until somebody chooses. */

const KEY = "rao-ui-theme";
const NEXT = { system: "light", light: "dark", dark: "system" };

/** The window's event for colours that are others now, whoever changed them. */
export const RECOLOURED = "rao-recoloured";

/** @param {HTMLButtonElement} button goes through the three of them */
export function themeSwitch(button) {
  let theme = chosen();
  const show = () => {
    document.documentElement.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
    recoloured();
  };
  button.addEventListener("click", () => {
    theme = NEXT[theme];
    keep(theme);
    show();
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recoloured);
  show();
}

// A browser that keeps nothing for this site throws at every touch of its store: then the choice lasts for the visit.
function chosen() {
  try {
    const kept = localStorage.getItem(KEY);
    return Object.hasOwn(NEXT, kept) ? kept : "system";
  } catch {
    return "system";
  }
}

function keep(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Not kept.
  }
}

const recoloured = () => window.dispatchEvent(new Event(RECOLOURED));
