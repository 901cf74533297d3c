#include <powerconsul/lint/report.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "../lint_lines.hpp"

using namespace powerconsul;

TEST_CASE("a finding is one line, as compilers write it") {
    CHECK(to_line({"a.json", 2, 7, severity::error, "no"}) == "a.json:2:7: error: no");
    CHECK(to_line({"a.json", 0, 0, severity::warning, "no"}) == "a.json: warning: no");
    CHECK(to_line({"a\nb\x1B[0m", 0, 0, severity::note, "x\ny\xFF"}) == "a b [0m: note: x y\xEF\xBF\xBD");
}

TEST_CASE("findings come in the order of their places, and nothing twice") {
    lint_report report;
    report.add("b", "x\ny", 3, severity::warning, "last in b");
    report.add("b", "x\ny", 2, severity::warning, "second");
    report.add("b", "x\ny", 2, severity::error, "first at one place");
    report.add("b", severity::note, "without a place");
    report.add("b", "x\ny", 99, severity::error, "behind the text's end");
    report.add("a", severity::error, "of another");
    report.add("a", severity::error, "of another");
    CHECK(joined(lines_of(report)) ==
          joined({"a: error: of another", "b: note: without a place", "b:2:1: error: first at one place",
                  "b:2:1: warning: second", "b:2:2: error: behind the text's end", "b:2:2: warning: last in b"}));
    CHECK(report.count(severity::error) == 3);
    CHECK(report.count(severity::warning) == 2);
    CHECK(report.count(severity::note) == 1);
}

TEST_CASE("of one text all errors are kept and a bounded number of warnings") {
    lint_report report;
    for (std::size_t i = 0; i < 1000; ++i) {
        report.add("a", severity::warning, std::to_string(i));
        report.add("a", severity::error, std::to_string(i));
    }
    report.add("b", severity::warning, "of another text");
    // With a place or without one.
    report.add("a", "text", 1, severity::warning, "one more");
    CHECK(report.count(severity::error) == 1000);
    CHECK(report.count(severity::warning) == lint_report::most_warnings);
    CHECK(report.count(severity::note) == 1);
}

TEST_CASE("the last line sums up") {
    lint_report report;
    CHECK(summary(report) == "nothing to look at");
    report.looked_at(text_kind::document);
    CHECK(summary(report) == "1 cluster document is fine");
    report.looked_at(text_kind::document);
    report.looked_at(text_kind::trigger);
    report.looked_at(text_kind::configuration);
    report.add("a", severity::note, "a note is no mistake");
    CHECK(summary(report) == "2 cluster documents, 1 trigger and 1 configuration are fine");
    report.passed_over();
    CHECK(summary(report) == "2 cluster documents, 1 trigger and 1 configuration are fine; 1 other key passed over");
    report.add("a", severity::warning, "w");
    CHECK(summary(report) == "1 warning in 4 documents; 1 other key passed over");
    report.add("a", severity::error, "e");
    report.add("b", severity::error, "e");
    report.passed_over();
    CHECK(summary(report) == "2 errors, 1 warning in 4 documents; 2 other keys passed over");

    lint_report unread;
    unread.add("a", severity::error, "there is no such file");
    CHECK(summary(unread) == "1 error");
}

TEST_CASE("a report is printed as lines or as one JSON object") {
    lint_report report;
    report.looked_at(text_kind::document);
    report.add("a", "x\ny", 2, severity::error, "no");
    report.add("b", severity::note, "so");
    report.passed_over();
    CHECK(report_text(report) == "a:2:1: error: no\nb: note: so\n1 error in 1 document; 1 other key passed over\n");
    CHECK(json::report_json(report) ==
          R"({"findings":[{"document":"a","line":2,"column":1,"severity":"error","message":"no"},)"
          R"({"document":"b","line":null,"column":null,"severity":"note","message":"so"}],)"
          R"("errors":1,"warnings":0,"notes":1,"documents":1,"triggers":0,"configurations":0,"passedOver":1})");
}
