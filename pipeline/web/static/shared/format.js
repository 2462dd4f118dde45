// Numbers and times as people read them.

/** Return `1,234`. */
export function count(number) {
  return Math.round(number ?? 0).toLocaleString("en-US");
}

/** Return `12 ms` or `1.2 s`. */
export function milliseconds(value) {
  if (value === undefined || value === null) return "–";
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** Return `0.4 s`, `12 s`, `3 min` or `2 h 05 min`. */
export function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** Return `1.2 MB`. */
export function bytes(number) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = number;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(value < 10 && unit ? 1 : 0)} ${units[unit]}`;
}

/** Return the time of day of seconds since 1970: `14:03:27`. */
export function clock(wall) {
  return new Date(wall * 1000).toLocaleTimeString("en-GB");
}

/** Return day and time of seconds since 1970: `28 Nov, 14:03:27`. */
export function moment(wall) {
  const day = new Date(wall * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return `${day}, ${clock(wall)}`;
}

/** Return `1 camera` or `3 cameras`. */
export function plural(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Return a text that begins with a capital letter. */
export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
