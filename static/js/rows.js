// Repeated rows of a form, on Django's formsets:
//   <div data-rows="env"> management form · <div data-rows-list> <div data-row>…</div> </div>
//     <template data-rows-empty> <div data-row>… __prefix__ …</div> </template> <button type="button" data-row-add> </div>
// and in each row <button type="button" data-row-remove>. A removed row is ticked as deleted and hidden; without a
// deletion box it is taken out, and Django ignores the empty place that it leaves.
document.addEventListener("click", (event) => {
  const add = event.target.closest("[data-row-add]");
  if (add) addRow(add.closest("[data-rows]"));
  const remove = event.target.closest("[data-row-remove]");
  if (remove) removeRow(remove.closest("[data-row]"));
});

function addRow(rows) {
  const total = rows.querySelector(`[name="${rows.dataset.rows}-TOTAL_FORMS"]`);
  const holder = document.createElement("div");
  holder.innerHTML = rows.querySelector("template[data-rows-empty]").innerHTML.replaceAll("__prefix__", total.value);
  const row = holder.firstElementChild;
  rows.querySelector("[data-rows-list]").append(row);
  total.value = Number(total.value) + 1;
  row.querySelector("input:not([type=hidden]), select, textarea")?.focus();
  row.dispatchEvent(new Event("input", { bubbles: true }));
}

function removeRow(row) {
  const rows = row.closest("[data-rows]");
  const box = row.querySelector('[name$="-DELETE"]');
  if (box) {
    box.checked = true;
    box.value = "on";
    row.hidden = true;
  } else {
    row.remove();
  }
  rows.querySelector("[data-row-add]")?.focus();
  rows.dispatchEvent(new Event("input", { bubbles: true }));
}
