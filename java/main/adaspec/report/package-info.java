/**
 * report.html: what a run did and gained, in one file that needs no network and no script. {@link adaspec.report.Report} is what it tells, as data;
 * {@link adaspec.report.ReportPage} arranges it; each kind of picture is a class that writes inline SVG through {@link adaspec.report.Markup}, which
 * alone knows how text is escaped.
 */
package adaspec.report;
