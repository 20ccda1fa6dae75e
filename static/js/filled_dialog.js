// A dialog that htmx fills: it opens when its content has come, with the first field under the cursor.
document.body.addEventListener("htmx:afterSwap", (event) => {
  const dialog = event.detail.target;
  if (!dialog.matches("dialog[data-filled]")) return;
  if (!dialog.open) dialog.showModal();
  const field = dialog.querySelector(".is-invalid") ?? dialog.querySelector("input:not([type=hidden]), select, textarea");
  field?.focus();
  field?.select?.();
});
