/** Tells who cannot see the page what has changed on it. */

/** @param {string} text is read out once */
export function say(text) {
  const region = document.getElementById("announcer");
  // The same text twice is no change, and would be kept silent.
  region.textContent = region.textContent === text ? `${text} ` : text;
}
