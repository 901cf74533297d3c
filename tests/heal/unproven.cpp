#include <powerconsul/heal/unproven.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include <powerconsul/checks/report.hpp>
#include <powerconsul/checks/report_json.hpp>
#include <powerconsul/consul/checks_json.hpp>

using namespace powerconsul;
using namespace std::string_literals;

TEST_CASE("an output says whether its own check could not tell") {
    check_report unknown;
    unknown.subject = {.kind = "service", .name = "apache2"};
    unknown.why = "Consul is not reachable";
    const std::string line = json::check_line(unknown, 1);
    check_report expected = unknown;
    expected.own = role::primary;
    expected.expects = expectation::running;
    check_report unsure = expected;
    unsure.expects = expectation::unknown;
    check_report critical = expected;
    critical.state = verdict::critical;
    critical.seen = observation::stopped;
    critical.why = R"("state":"unknown")";
    struct row {
        std::string_view name;
        std::string output;
        bool unproven;
    };
    const row rows[] = {
        {"our line", line, true},
        {"with its newline", line + "\n", true},
        {"with a carriage return", line + "\r\n\n", true},
        {"whatever its exit status", json::check_line(expected, 2), true},
        {"expectation not known", json::check_line(unsure, 3), true},
        {"behind Consul's notice", "Captured 4096 of 7890 bytes\n...\nrest of it\n" + line + "\n", true},
        {"behind stderr without a newline", "warning: " + line + "\n", true},
        {"text", nagios_line(unknown) + "\n", true},
        {"text with an expectation", nagios_line(expected), true},
        {"text without an expectation", nagios_line(unsure), true},
        {"text behind other lines", "noise\n" + nagios_line(unknown) + "\n", true},
        {"nothing", "", false},
        {"newlines", "\n\n", false},
        {"critical", json::check_line(critical, 2), false},
        {"critical as text", nagios_line(critical), false},
        {"critical behind an unknown one", line + "\n" + json::check_line(critical, 2) + "\n", false},
        {"our line and another's behind", line + "\ndone\n", false},
        {"our line cut off", line.substr(0, line.size() - 1), false},
        {"Consul's own", "Timed out (1s) running check\n\n", false},
        {"another program's JSON", R"({"state":"unknown"})", false},
        {"another program's JSON with a type", R"({"type":"disk","state":"unknown"})", false},
        {"a deeper state", R"({"type":"x","code":1,"state":{"state":"unknown"}})", false},
        {"a list", R"([{"type":"x","code":1,"state":"unknown"}])", false},
        {"another plugin", "UNKNOWN - socket timed out", false},
        {"another plugin's", "DISK UNKNOWN - free space cannot be judged", false},
        {"in the middle of a line", "it says UNKNOWN - apache2 cannot be judged", false},
        {"the word alone", "UNKNOWN", false},
        {"any bytes", "\xFF\0{\"type\":"s, false},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(json::is_unproven(each.output) == each.unproven);
    }
}

TEST_CASE("our longest line is still told behind other output") {
    check_report report;
    report.subject = {.kind = "service", .name = std::string(2000, '"')};
    report.why = std::string(10'000, '\\');
    std::string output = std::string(6000, 'x') + "\n" + json::check_line(report, 1) + "\n";
    output.erase(0, output.size() - longest_check_output);
    CHECK(json::is_unproven("Captured 4096 of 9999 bytes\n...\n" + output));
}
