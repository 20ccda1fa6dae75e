// Dialogs: a button with data-dialog="id" opens the <dialog>, and a form with data-confirm-name="…" can be sent only
// after that name was typed (the server checks it again).
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) {
    document.getElementById(opener.dataset.dialog)?.showModal();
    return;
  }
  const closer = event.target.closest("[data-dialog-close]");
  if (closer) closer.closest("dialog").close();
  // A click on the backdrop has the dialog itself as its target: its form covers the rest.
  if (event.target.matches?.("dialog.ocean-dialog")) event.target.close();
});

function check(form) {
  form.querySelector("[type=submit]").disabled = form.elements.confirm.value.trim() !== form.dataset.confirmName;
}

document.addEventListener("input", (event) => {
  const form = event.target.closest?.("form[data-confirm-name]");
  if (form) check(form);
});

const checkAll = () => document.querySelectorAll("form[data-confirm-name]").forEach(check);
checkAll();
document.body.addEventListener("htmx:afterSettle", checkAll);
