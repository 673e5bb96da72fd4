// What a form says about what is wrong with it.

/**
 * Show an ApiError in `form`: each field's sentence in the element [data-error-for=<name>] beside it, everything else in
 * the form's own [data-error-for=""]. The first bad field gets the focus.
 */
export function showErrors(form, error) {
  clearErrors(form);
  const rest = [];
  for (const [name, message] of error.fields) {
    const place = name && form.querySelector(`[data-error-for="${CSS.escape(name)}"]`);
    if (place) {
      say(place, message);
      form.elements[name]?.setAttribute("aria-invalid", "true");
    } else {
      rest.push(message);
    }
  }
  if (error.fields.size === 0) {
    rest.push(error.message);
  }
  if (rest.length > 0) {
    say(form.querySelector('[data-error-for=""]'), rest.join(" "));
  }
  form.querySelector('[aria-invalid="true"]')?.focus();
}

export function clearErrors(form) {
  for (const place of form.querySelectorAll("[data-error-for]")) {
    place.hidden = true;
    place.textContent = "";
  }
  for (const field of form.elements) {
    field.removeAttribute("aria-invalid");
  }
}

function say(place, text) {
  place.textContent = text;
  place.hidden = false;
}

/** Run `action` with the form's submit button off, so that a second Enter does not send twice. */
export async function submitting(form, action) {
  const button = form.querySelector("[type=submit]");
  if (button.disabled) {
    return;
  }
  button.disabled = true;
  try {
    await action();
  } finally {
    button.disabled = false;
  }
}
