// Times: shown in the user's zone and language, sent as UTC.

const DAY_MS = 86_400_000;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const dayAndMonth = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const withYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const heading = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

/** Whole calendar days from `now` to `date`, in the user's zone: 0 is today. */
function daysAway(date, now) {
  const midnight = (moment) => new Date(moment.getFullYear(), moment.getMonth(), moment.getDate());
  return Math.round((midnight(date) - midnight(now)) / DAY_MS); // rounded: a day may have 23 or 25 hours
}

/** "Today 17:00", "Friday 09:00", "3 Mar 09:00": as short as it can be without doubt. */
export function shortTime(iso, now = new Date()) {
  const date = new Date(iso);
  const away = daysAway(date, now);
  const near = { "-1": "Yesterday", 0: "Today", 1: "Tomorrow" }[away];
  const day = near ?? (away > 1 && away < 7 ? weekday : date.getFullYear() === now.getFullYear() ? dayAndMonth : withYear);
  return `${typeof day === "string" ? day : day.format(date)} ${clock.format(date)}`;
}

/** "overdue", "today" or "later". */
export function urgency(iso, now = new Date()) {
  const date = new Date(iso);
  if (date < now) {
    return "overdue";
  }
  return daysAway(date, now) === 0 ? "today" : "later";
}

export const fullTime = (iso) => full.format(new Date(iso));

export const todayHeading = (now = new Date()) => heading.format(now);

/** Set a <time>: short in the page, whole in its tooltip, exact in its attribute. */
export function showTime(element, iso) {
  element.dateTime = iso;
  element.title = fullTime(iso);
  element.textContent = shortTime(iso);
}

/** The value of a datetime-local input for a UTC time; "" for none. */
export function toInput(iso) {
  if (!iso) {
    return "";
  }
  const date = new Date(iso);
  const two = (number) => String(number).padStart(2, "0");
  const day = `${String(date.getFullYear()).padStart(4, "0")}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** The UTC time of a datetime-local input's value; null for none. */
export const fromInput = (value) => (value ? new Date(value).toISOString() : null);
