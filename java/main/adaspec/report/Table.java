package adaspec.report;

/** A table whose first column names the rows. It scrolls by itself where the page is narrow. */
final class Table {
    private static final int SHORT = 20;

    private final Markup out;
    private final int columns;

    Table(Markup out, String... columns) {
        this.out = out;
        this.columns = columns.length;
        out.open("div", "class", "scroll").open("table").open("thead").open("tr");
        for (String column : columns) {
            out.leaf("th", column, "scope", "col");
        }
        out.close().close().open("tbody").line();
    }

    void row(String... cells) {
        if (cells.length != columns) {
            throw new IllegalArgumentException(cells.length + " cells in a table of " + columns + " columns");
        }
        out.open("tr").leaf("th", cells[0], "scope", "row");
        for (int i = 1; i < cells.length; i++) {
            // Numbers and intervals stay on one line.
            if (cells[i].length() <= SHORT) {
                out.leaf("td", cells[i], "class", "short");
            } else {
                out.leaf("td", cells[i]);
            }
        }
        out.close().line();
    }

    void end() {
        out.close().close().close().line();
    }
}
