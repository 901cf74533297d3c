#include <powerconsul/heal/own_look.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <powerconsul/checks/report_json.hpp>
#include <powerconsul/checks/run.hpp>
#include <powerconsul/testing/fakes.hpp>

using namespace powerconsul;

namespace {

using machine = testing::fake_host<>;

void unit(machine& at, const std::string& name, std::string active, std::string sub) {
    at.units.on(
        name + ".service",
        unit_state{.load = "loaded", .active = std::move(active), .sub = std::move(sub), .id = name + ".service"});
}
void runs(machine& at, const std::string& name) {
    unit(at, name, "active", "running");
}
void stopped(machine& at, const std::string& name) {
    unit(at, name, "inactive", "dead");
}
/// systemd waits to restart it.
void degraded(machine& at, const std::string& name) {
    unit(at, name, "activating", "auto-restart");
}

/// What a check prints, with these members behind its type.
auto printed(std::string_view type, std::string_view members, std::string_view state = "critical") -> std::string {
    return R"({"type":")" + std::string{type} + R"(",)" + std::string{members} + R"(,"clustered":false,"state":")" +
           std::string{state} + R"(","code":2,"role":"standalone","reason":"it is stopped","basis":"fresh"})";
}

auto look(machine& at, std::string_view output) -> std::optional<bool> {
    return heal::look_again(at, output,
                            {.deadline = at.clock.monotonic() + seconds(5), .manager = service_manager::systemd});
}

}  // namespace

TEST_CASE("a check's own line tells what to look at, and what is right") {
    struct row {
        std::string_view name;
        std::string output;
        std::function<void(machine&)> world;
        std::optional<bool> as_expected;
    };
    const auto apache = [](bool expects) {
        return printed("service",
                       expects ? R"("service":"apache2","expects":true)" : R"("service":"apache2","expects":false)");
    };
    const auto group = printed("servicegroup", R"("services":["apache2","php-fpm"],"expects":true)");
    const auto both = [](void (*one)(machine&, const std::string&), void (*two)(machine&, const std::string&)) {
        return [=](machine& at) {
            one(at, "apache2");
            two(at, "php-fpm");
        };
    };
    const auto apache_is = [](void (*one)(machine&, const std::string&)) {
        return [=](machine& at) { one(at, "apache2"); };
    };
    const auto nothing = [](machine&) {};
    const row rows[] = {
        {"runs as it should", apache(true), apache_is(runs), true},
        {"does not run", apache(true), apache_is(stopped), false},
        {"is stopped as it should", apache(false), apache_is(stopped), true},
        {"runs, and should not", apache(false), apache_is(runs), false},
        {"is partly there, and should not be", apache(false), apache_is(degraded), false},
        {"what is degraded may be as the check's options want it", apache(true), apache_is(degraded), {}},
        {"systemd does not know",
         apache(true),
         [](machine& at) { at.units.on("apache2.service", unit_state{.load = "not-found", .active = "inactive"}); },
         {}},
        {"nobody can tell", apache(true), nothing, {}},
        {"a group that runs", group, both(runs, runs), true},
        {"a group of which one does not run", group, both(runs, stopped), false},
        {"a group of which one is not known", group, apache_is(runs), {}},
        {"a group that is too long to be told",
         printed("servicegroup", R"("services":["apache2","..."],"expects":true)"),
         apache_is(runs),
         {}},
        {"an empty group", printed("servicegroup", R"("services":[],"expects":true)"), nothing, {}},
        {"nothing is expected", printed("service", R"("service":"apache2","expects":null)"), apache_is(runs), {}},
        {"after other text", "a warning of the shell\n" + apache(true) + "\n", apache_is(runs), true},
        {"on a line with other text", "note: " + apache(true), apache_is(runs), true},
        {"cut by Consul", "Captured 40 of 400 bytes\n...\n" + apache(true).substr(60), apache_is(runs), {}},
        {"as text", "CRITICAL - apache2 is stopped, standalone expects running", apache_is(runs), {}},
        {"another program's", R"({"type":"service","service":"apache2","expects":true})", apache_is(runs), {}},
        {"none", "", apache_is(runs), {}},
        {"not known", printed("service", R"("service":"apache2","expects":true)", "unknown"), apache_is(runs), {}},
        {"with --serving",
         printed("service", R"("service":"apache2","expects":true,"serving":true)"),
         apache_is(runs),
         {}},
        {"a name that was shortened",
         printed("service", R"("service":"apache2...","expects":true)"),
         apache_is(runs),
         {}},
        {"a name that is none", printed("service", R"("service":"../apache2","expects":true)"), nothing, {}},
        {"no name", printed("service", R"("name":"apache2","expects":true)"), apache_is(runs), {}},
        {"a number as name", printed("service", R"("service":5,"expects":true)"), apache_is(runs), {}},
        {"a kind that does not print all that it needs",
         printed("process", R"("process":"nginx","expects":true)"),
         nothing,
         {}},
        {"a kind that nobody knows", printed("weather", R"("service":"apache2","expects":true)"), apache_is(runs), {}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        machine at;
        each.world(at);
        CHECK(look(at, each.output) == each.as_expected);
    }
}

TEST_CASE("crontabs are looked at where the check has looked") {
    const auto status = [](std::uint32_t owner, std::uint32_t mode) {
        return file_status{.kind = file_kind::regular, .mode = mode, .uid = owner, .gid = owner};
    };
    const auto prepare = [&](machine& at) {
        at.files.user_id = 0;
        at.users.add_user("deploy", 1000).add_user("root", 0).add_group("crontab", 104);
        at.files.put("/etc/passwd", "root:x:0:0::/root:/bin/sh\ndeploy:x:1000:1000::/home/deploy:/bin/sh\n",
                     status(0, 0644));
        at.files.put("/etc/shadow", "root:*:19000:0:99999:7:::\ndeploy:*:19000:0:99999:7:::\n", status(0, 0640));
    };
    const std::string line = "*/5 * * * * rotate.sh\n";
    const auto users = [](std::string_view more) {
        return printed("crontab", R"("crontab":"deploy","expects":true)" + std::string{more});
    };
    const auto systems = [](std::string_view more) {
        return printed("crontab", R"("crontab":"/etc/crontab","expects":true)" + std::string{more});
    };
    machine own;
    prepare(own);
    own.files.put("/var/spool/cron/crontabs/deploy", line,
                  {.kind = file_kind::regular, .mode = 0600, .uid = 1000, .gid = 104});
    CHECK(look(own, users(R"(,"pattern":null,"error":"x")")) == true);
    CHECK(look(own, users(R"(,"pattern":"rotate.sh","error":"x")")) == true);
    CHECK(look(own, users(R"(,"pattern":"backup.sh","error":"x")")) != true);
    CHECK_FALSE(look(own, users(R"(,"pattern":"rotate..." ,"error":"x")")));
    // The system's say nothing of the job.
    own.files.put("/etc/crontab", "5 * * * * root true\n", status(0, 0644));
    CHECK(look(own, systems(R"(,"pattern":"rotate.sh","user":"deploy","error":"x")")) != true);
    CHECK(look(own, systems(R"(,"pattern":"rotate.sh","error":"x")")) != true);

    machine system;
    prepare(system);
    system.files.put("/etc/crontab", "5 * * * * deploy rotate.sh\n", status(0, 0644));
    CHECK(look(system, systems(R"(,"pattern":"rotate.sh","user":"deploy","error":"x")")) == true);
    CHECK(look(system, systems(R"(,"pattern":"rotate.sh","error":"x")")) == true);
    CHECK(look(system, users(R"(,"pattern":"rotate.sh","error":"x")")) != true);
    // Written the original's way it asks for processes.
    CHECK_FALSE(look(system, printed("crontab", R"("crontab":null,"nagiosArgs":"-C cron","expects":true)")));
}

TEST_CASE("what a check really prints leads back to what it has looked at") {
    struct row {
        std::string_view name;
        check_subject subject;
        report_details details;
        bool told;
    };
    const checks::service apache{.name = "apache2"};
    const checks::servicegroup group{.names = "apache2, php-fpm"};
    const checks::crontab system{.user = "deploy", .pattern = "rotate", .system = true};
    for (const auto& each : {row{"service", apache.subject(), {}, true}, row{"servicegroup", group.subject(), {}, true},
                             row{"system crontab", system.subject(), system.details(), true}}) {
        CAPTURE(each.name);
        check_report report{.subject = each.subject, .state = verdict::critical, .expects = expectation::running};
        report.details = each.details;
        const auto line = json::parse(json::check_line(report, 2), {.depth = 8, .values = 100});
        REQUIRE(line);
        CHECK(heal::detail::told_subject(*line) == each.told);
        const heal::detail::printed_options given{*line};
        if (each.name == "service") CHECK(checks::service::from(given).name == "apache2");
        if (each.name == "servicegroup") {
            CHECK(checks::servicegroup::from(given).members() == std::vector<std::string>{"apache2", "php-fpm"});
        }
        if (each.name == "system crontab") {
            const auto again = checks::crontab::from(given);
            CHECK(again.valid());
            CHECK(again.system);
            CHECK(again.user == "deploy");
            CHECK(again.pattern == "rotate");
        }
    }
}
