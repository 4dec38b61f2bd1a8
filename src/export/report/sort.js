// Heads of tables become buttons that sort by their column: first the largest ahead, then the
// smallest. Without it the tables are as they were written.
for (const table of document.querySelectorAll("table.sorts")) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  heads.forEach((head, column) => {
    const value = (row) => {
      const { dataset, textContent } = row.cells[column];
      if (dataset.v === undefined) return textContent;
      return dataset.v === "" ? -Infinity : Number(dataset.v);
    };
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1);
      body.append(...[...body.rows].sort((a, b) => order(value(a), value(b))));
    });
  });
}
