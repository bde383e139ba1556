/** Light and dark: as the system has it, until somebody chooses. */

const KEY = "rao-ui-theme";
const NEXT = { system: "light", light: "dark", dark: "system" };

/** The window's event for colours that are others now, whoever changed them. */
export const RECOLOURED = "rao-recoloured";

/** @param {HTMLButtonElement} button goes through the three of them */
export function themeSwitch(button) {
  let theme = NEXT[localStorage.getItem(KEY)] === undefined ? "system" : localStorage.getItem(KEY);
  const show = () => {
    document.documentElement.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
    recoloured();
  };
  button.addEventListener("click", () => {
    theme = NEXT[theme];
    localStorage.setItem(KEY, theme);
    show();
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recoloured);
  show();
}

const recoloured = () => window.dispatchEvent(new Event(RECOLOURED));
