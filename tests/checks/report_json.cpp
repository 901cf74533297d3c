#include <powerconsul/checks/report_json.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include <powerconsul/checks/report.hpp>
#include <powerconsul/consul/checks_json.hpp>
#include <powerconsul/json/value.hpp>

using namespace powerconsul;

namespace {

auto example() -> check_report {
    return {.subject = {.kind = "service", .name = "apache2"},
            .state = verdict::critical,
            .expects = expectation::running,
            .seen = observation::stopped,
            .own = role::primary,
            .clustered = clustering::yes,
            .from = basis::fresh,
            .why = "inactive (dead); node web1 is in active_nodes"};
}

auto with(auto change) -> check_report {
    auto report = example();
    change(report);
    return report;
}

}  // namespace

TEST_CASE("the line of a check has the original's keys first, to the byte") {
    struct row {
        std::string_view name;
        check_report report;
        int code;
        std::string_view line;
    };
    const row rows[] = {
        {"clustered and critical", example(), 2,
         R"({"type":"service","service":"apache2","expects":true,"clustered":true,"state":"critical","code":2,)"
         R"("role":"primary","reason":"apache2 is stopped, primary expects running: inactive (dead); node web1 is in active_nodes","basis":"fresh"})"},
        {"standby, cached", with([](check_report& to) {
             to.own = role::secondary;
             to.expects = expectation::stopped;
             to.state = verdict::passing;
             to.from = basis::cached;
             to.why.clear();
         }),
         0,
         R"({"type":"service","service":"apache2","expects":false,"clustered":true,"state":"passing","code":0,)"
         R"("role":"secondary","reason":"apache2 is stopped, secondary expects stopped","basis":"cached"})"},
        {"standalone process", with([](check_report& to) {
             to.subject.kind = "process";
             to.subject.name = "-C cron";
             to.own = role::standalone;
             to.seen = observation::degraded;
             to.state = verdict::warning;
             to.clustered = clustering::no;
             to.why = "w";
         }),
         1,
         R"({"type":"process","process":"-C cron","expects":true,"clustered":false,"state":"warning","code":1,)"
         R"("role":"standalone","reason":"-C cron is degraded, standalone expects running: w","basis":"fresh"})"},
        {"no role",
         {.subject = {.kind = "service", .name = "a"}, .why = "no leader"},
         3,
         R"({"type":"service","service":"a","expects":null,"clustered":null,"state":"unknown","code":3,)"
         R"("role":"unknown","reason":"a cannot be judged: no leader","basis":"none"})"},
        {"of a check with --serving", with([](check_report& to) { to.serving = true; }), 2,
         R"({"type":"service","service":"apache2","expects":true,"clustered":true,"state":"critical","code":2,)"
         R"("role":"primary","reason":"apache2 is stopped, primary expects it to serve here: inactive (dead); node web1 is in active_nodes","serving":true,"basis":"fresh"})"},
        {"not even a check",
         {},
         64,
         R"({"type":"","subject":"","expects":null,"clustered":null,"state":"unknown","code":64,)"
         R"("role":"unknown","reason":"the check cannot be judged","basis":"none"})"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(json::check_line(each.report, each.code) == each.line);
        CHECK(json::check_line(each.report, each.code) == json::check_line(each.report, each.code));
    }
}

TEST_CASE("the line stays short, valid and on one line whatever it must carry") {
    struct row {
        std::string_view name;
        std::string text;
    };
    const auto repeated = [](std::string_view piece) {
        std::string text;
        while (text.size() < 100'000) text += piece;
        return text;
    };
    const row rows[] = {
        {"letters", repeated("x")},
        {"quotes", repeated("\"")},
        {"backslashes", repeated("\\")},
        {"quotes among letters", repeated("abc\"de\\f ")},
        {"control characters", repeated("\x01\n\r\t\x7F")},
        {"control characters among letters", repeated("a\x01"
                                                      "b\n")},
        {"NUL", repeated(std::string_view{"a\0", 2})},
        {"invalid UTF-8", repeated("\xFF")},
        {"cut UTF-8", repeated("\xE2\x82")},
        {"wide characters", repeated("\xF0\x9F\x98\x80")},
        {"a short one", "a\"b\\c\nd"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto report = with([&](check_report& to) { to.subject.kind = to.subject.name = to.why = each.text; });
        const auto line = json::check_line(report, 2);
        CHECK(line.size() <= 3584);
        CHECK(line.find('\n') == std::string::npos);
        const auto parsed = json::parse(line);
        REQUIRE(parsed);
        CHECK(parsed->names.size() == 9);
        CHECK(parsed->find("reason")->text.find('\0') == std::string::npos);
        CHECK(json::check_line(report, 2) == line);
    }
    const auto cut = json::parse(json::check_line(with([&](check_report& to) { to.why = repeated("\""); }), 2));
    CHECK(cut->find("reason")->text.starts_with("apache2 is stopped, primary expects running: \"\"\""));
    CHECK(cut->find("reason")->text.ends_with("\"..."));
}

TEST_CASE("a group is a list, and further members stand behind the original's first ones") {
    const auto group = with([](check_report& to) {
        to.subject = {.kind = "servicegroup", .name = "a,b", .key = "services", .members = {"a", "b"}};
        to.why = "b is stopped";
    });
    CHECK(json::check_line(group, 2) ==
          R"({"type":"servicegroup","services":["a","b"],"expects":true,"clustered":true,"state":"critical","code":2,)"
          R"("role":"primary","reason":"a,b is stopped, primary expects running: b is stopped","basis":"fresh"})");
    const auto plugin = with([](check_report& to) {
        to.subject = {.kind = "process", .name = "check_procs", .key = "nagiosArgs"};
        to.details = {{"nagiosScript", "/usr/lib/p"}, {"nagiosOutput", "PROCS \"x\" | procs=0"}};
        to.why.clear();
    });
    CHECK(json::check_line(plugin, 2) ==
          R"({"type":"process","nagiosArgs":"check_procs","expects":true,"clustered":true,"state":"critical","code":2,)"
          R"("nagiosScript":"/usr/lib/p","nagiosOutput":"PROCS \"x\" | procs=0",)"
          R"("role":"primary","reason":"check_procs is stopped, primary expects running","basis":"fresh"})");
}

TEST_CASE("a member without a value is null") {
    const auto crontab = with([](check_report& to) {
        to.subject = {.kind = "crontab", .name = "bob", .title = "the crontab of bob"};
        to.details = {{"pattern", std::nullopt}, {"error", "there is no crontab /c/bob"}};
        to.why = "there is no crontab /c/bob";
    });
    CHECK(
        json::check_line(crontab, 2) ==
        R"({"type":"crontab","crontab":"bob","expects":true,"clustered":true,"state":"critical","code":2,)"
        R"("pattern":null,"error":"there is no crontab /c/bob",)"
        R"("role":"primary","reason":"the crontab of bob is stopped, primary expects running: there is no crontab /c/bob","basis":"fresh"})");
}

TEST_CASE("long lists and details do not make the line long") {
    const auto report = with([](check_report& to) {
        to.subject = {.kind = "servicegroup", .name = std::string(2000, 'n'), .key = "services"};
        for (int i = 0; i < 100; ++i) to.subject.members.push_back("service\\" + std::to_string(i));
        for (int i = 0; i < 100; ++i) to.details.emplace_back("detail" + std::to_string(i), std::string(3000, '"'));
        to.why = std::string(5000, '\\');
    });
    const auto line = json::check_line(report, 2);
    CHECK(line.size() <= 3584);
    const auto parsed = json::parse(line);
    REQUIRE(parsed);
    CHECK(parsed->find("services")->items.back().text == "...");
    CHECK(parsed->find("services")->items.front().text == "service\\0");
    CHECK(parsed->find("reason")->text.size() > 500);
    CHECK(parsed->find("basis")->text == "fresh");
}

// --- reading an output again ---

namespace unproven {

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
        {"cut off by Consul", "Captured 40 of 300 bytes\n...\n" + line.substr(line.size() - 40) + "\n", true},
        {"cut off to a rest", "Captured 10 of 300 bytes\n...\n" + line.substr(line.size() - 10), true},
        {"a known one, cut off", "Captured 40 of 300 bytes\n...\nause\",\"basis\":\"fresh\"}", true},
        {"another's, cut off", "Captured 40 of 300 bytes\n...\nvery bad\"}", false},
        {"what only ends like ours", R"(very bad","basis":"none"})", false},
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
        CHECK(is_unproven(each.output) == each.unproven);
    }
}

TEST_CASE("an output says whether it is that of a check with --serving, in which there is nothing to heal") {
    for (const auto expects : {expectation::running, expectation::stopped, expectation::either, expectation::unknown}) {
        for (const auto own : {role::primary, role::unknown}) {
            for (const bool serving : {true, false}) {
                check_report report = example();
                report.serving = serving;
                report.expects = expects;
                report.own = own;
                report.state = own == role::unknown || expects == expectation::unknown ? verdict::unknown
                               : expects == expectation::either                        ? verdict::passing
                                                                                       : verdict::critical;
                if (serving && report.state == verdict::passing) report.state = verdict::critical;
                const auto wanted = report.state == verdict::unknown ? output_kind::own_unknown
                                    : serving                        ? output_kind::own_serving
                                                                     : output_kind::own;
                const std::string line = json::check_line(report, 2);
                for (const std::string& output :
                     {line, "Captured 4096 of 7890 bytes\n...\nrest\n" + line + "\n", nagios_line(report)}) {
                    CAPTURE(output);
                    CHECK(kind_of_output(output) == wanted);
                    CHECK(asks_for_nothing(output) == (wanted != output_kind::own));
                    CHECK(is_unproven(output) == (wanted == output_kind::own_unknown));
                }
                for (const std::size_t kept : {10U, 40U, 60U}) {
                    CHECK(asks_for_nothing("Captured 9 of 999 bytes\n...\n" + line.substr(line.size() - kept)));
                }
            }
        }
    }
    CHECK(kind_of_output(R"({"type":"service","code":2,"state":"critical","serving":false})") == output_kind::own);
    CHECK(kind_of_output(R"({"type":"service","code":2,"state":"critical","serving":"true"})") == output_kind::own);
    CHECK(kind_of_output("CRITICAL - web does not serve here") == output_kind::other);
}

TEST_CASE("our longest line is still told behind other output") {
    check_report report;
    report.subject = {.kind = "service", .name = std::string(2000, '"')};
    report.why = std::string(10'000, '\\');
    report.serving = true;
    std::string output = std::string(6000, 'x') + "\n" + json::check_line(report, 1) + "\n";
    output.erase(0, output.size() - longest_check_output);
    CHECK(is_unproven("Captured 4096 of 9999 bytes\n...\n" + output));
}

}  // namespace unproven
