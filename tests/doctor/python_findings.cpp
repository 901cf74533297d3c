#include <powerconsul/doctor/python_findings.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/testing/memory_files.hpp>

#include "holds.hpp"
#include "made_up_machine.hpp"

using namespace powerconsul;

namespace {

using words = std::vector<std::string>;

/// A machine with the original at /usr/bin/powerconsul, and this program at /usr/local/bin/powerconsul.
auto machine_with_both() -> made_up_machine {
    made_up_machine machine;
    machine.executable = {"/usr/bin/powerconsul", "/usr/local/bin/powerconsul"};
    machine.programs = {{"/usr/bin/powerconsul", "#!/usr/bin/python\n# EASY-INSTALL-ENTRY-SCRIPT"},
                        {"/usr/local/bin/powerconsul",
                         "\x7f"
                         "ELF"}};
    return machine;
}

auto answer(std::string_view text) -> result<json::value> {
    return json::parse(text);
}

}  // namespace

TEST_CASE("what calls powerconsul, and which") {
    struct row {
        std::string_view name;
        words called;
        std::string_view path;
        std::string_view program;  // empty: it calls none
        std::string_view service;
        bool is_python;
        bool updates_kv;
    };
    const row rows[] = {
        {"another program", {"/bin/true", "check", "-U"}, "/usr/bin", "", "", false, false},
        {"the original by its path",
         {"/usr/bin/powerconsul", "check", "service", "-s", "apache2", "-S", "web", "-U"},
         "/usr/local/bin:/usr/bin",
         "/usr/bin/powerconsul",
         "web",
         true,
         true},
        {"by env, the first of the PATH",
         {"/usr/bin/env", "powerconsul", "check", "service", "-Sweb", "--updatekv"},
         "/usr/bin:/usr/local/bin",
         "/usr/bin/powerconsul",
         "web",
         true,
         true},
        {"by env, where this program comes first",
         {"/usr/bin/env", "powerconsul", "check", "service", "--consulservice=web", "--update"},
         "/nowhere:/usr/local/bin:/usr/bin",
         "/usr/local/bin/powerconsul",
         "web",
         false,
         true},
        {"within a text for a shell",
         {"/bin/sh", "-c", "exec /usr/bin/env powerconsul check crontab -u 'a b' --consulservice jobs"},
         "/usr/bin",
         "/usr/bin/powerconsul",
         "jobs",
         true,
         false},
        {"by the interpreter",
         {"python2.7", "/opt/powerconsul", "watch", "critical"},
         "",
         "/opt/powerconsul",
         "",
         true,
         false},
        {"a bare name that nothing finds", {"powerconsul", "check", "-S"}, "/bin::", "powerconsul", "", false, false},
        {"a watch is no check",
         {"/usr/bin/powerconsul", "watch", "-U", "-S", "web"},
         "",
         "/usr/bin/powerconsul",
         "",
         true,
         false},
        {"--u could be --user, too",
         {"powerconsul", "check", "--u"},
         "/usr/local/bin",
         "/usr/local/bin/powerconsul",
         "",
         false,
         false},
        {"a text that no shell takes", {"/bin/sh", "-c", "powerconsul 'check"}, "/usr/bin", "", "", false, false},
    };
    auto machine = machine_with_both();
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto call = find_powerconsul_call(machine, "check a", row.called, row.path);
        REQUIRE(call.has_value() == !row.program.empty());
        if (!call) continue;
        CHECK(call->by == "check a");
        CHECK(call->program == row.program);
        CHECK(call->service == row.service);
        CHECK(call->is_python == row.is_python);
        CHECK(call->updates_kv == row.updates_kv);
    }
}

TEST_CASE("the programs that the agent calls, and -U") {
    using calls = std::vector<powerconsul_call>;
    const powerconsul_call old{
        .by = "check web-role", .service = "web", .program = "/usr/bin/powerconsul", .is_python = true};
    const powerconsul_call ours{.by = "check db-role", .service = "db", .program = "/usr/local/bin/powerconsul"};
    auto old_with = old;
    auto ours_with = ours;
    old_with.updates_kv = ours_with.updates_kv = true;
    holds(judge_programs(std::nullopt), condition::unknown, "is not known");
    holds(judge_programs(calls{}), condition::ok, "calls powerconsul");
    holds(judge_programs(calls{ours}), condition::ok, "calls python-powerconsul");
    holds(
        judge_programs(calls{ours, old}), condition::warning,
        "/usr/bin/powerconsul is python-powerconsul, and is called by check web-role; put this program in its place and "
        "consul reload, on standbys first");
    holds(judge_update_kv(std::nullopt), condition::unknown, "look for -U");
    holds(judge_update_kv(calls{ours, old}), condition::ok, "no check");
    holds(judge_update_kv(calls{ours_with, old}), condition::warning, "check db-role has it, and it changes nothing");
    holds(judge_update_kv(calls{ours_with, old_with}), condition::warning,
          "check db-role and check web-role have it: python-powerconsul rewrites");
}

TEST_CASE("the original's configuration") {
    const std::string path{original_settings};
    const result<bool> there{true};
    holds(judge_original_settings(fail(errc::denied, "not for you"), "", "", 0), condition::unknown, "not for you");
    holds(judge_original_settings(result<bool>{false}, "", "", 0), condition::ok, "there is no " + path);
    holds(judge_original_settings(there, path, "cluster/production", 0), condition::ok, "is read as it is");
    holds(judge_original_settings(there, path, "", 0), condition::warning, "set clusterKey");
    holds(judge_original_settings(there, "", "", 0), condition::warning, "but no configuration is read");
    holds(judge_original_settings(there, "/etc/powerconsul.conf", "k", 0), condition::warning,
          "but /etc/powerconsul.conf is read");
    holds(judge_original_settings(there, path, "k", 101), condition::warning, "copy it to /etc/powerconsul.conf");
}

TEST_CASE("init scripts that are written with the original's library") {
    struct row {
        std::string_view name;
        std::string text;
        bool imports;
    };
    const row rows[] = {
        {"as in the manual", "#!/usr/bin/env python\nfrom powerconsul.service import PowerConsul_Service\n", true},
        {"the package", "import  powerconsul", true},
        {"indented, with another name", "try:\n\timport powerconsul as p\n", true},
        {"two at once", "import powerconsul, os\n", true},
        {"another package", "import powerconsulting\nfrom powerconsuls import x\n", false},
        {"only called", "#!/bin/sh\n# from powerconsul\n/usr/bin/powerconsul check service -s a -S b\n", false},
        {"no import at all", "fromage powerconsul\nimported powerconsul\nfrom", false},
    };
    made_up_machine machine;
    for (const auto& row : rows) {
        CAPTURE(row.name);
        testing::memory_files files;
        files.put("/etc/init.d", "", {file_kind::directory, 0755, 0, 0, 0, 0});
        files.put("/etc/init.d/cron", "#!/bin/sh\n");
        files.put("/etc/init.d/mine", row.text);
        const auto found = look_at_init_scripts(files, machine);
        if (row.imports) holds(found, condition::warning, "/etc/init.d has mine, which imports");
        if (!row.imports) holds(found, condition::ok, "none imports");
    }
    testing::memory_files files;
    holds(look_at_init_scripts(files, machine), condition::ok, "none imports");
    files.put("/etc/init.d", "", {file_kind::directory, 0755, 0, 0, 0, 0});
    files.put("/etc/init.d/large", std::string(300'000, '#'));
    holds(look_at_init_scripts(files, machine), condition::unknown, "not read: large");
    // A link that leads nowhere is no script.
    files.erase("/etc/init.d/large");
    files.put("/etc/init.d/mine", rows[0].text);
    files.put("/etc/init.d/yours", rows[0].text);
    holds(look_at_init_scripts(files, machine), condition::warning, "mine and yours, which import ");
    machine.broken = {"/etc/init.d/mine", "/etc/init.d/yours"};
    holds(look_at_init_scripts(files, machine), condition::ok, "none imports");
}

TEST_CASE("triggers where the original reads them") {
    const words one{"triggers/web/primary/critical"};
    holds(judge_short_triggers("web", fail(errc::denied, "the token needs it"), ""), condition::unknown, "needs it");
    holds(judge_short_triggers("web", words{}, ""), condition::ok, "none that the token may list");
    holds(judge_short_triggers("web", one, ""), condition::ok, "triggers/web/primary/critical is read where it stands");
    holds(judge_short_triggers("web", one, "triggers"), condition::ok, "is read");
    holds(judge_short_triggers("web", words{"a", "b"}, "heal/all"), condition::warning,
          "a and b are not read, since triggerKey is heal/all");
}

TEST_CASE("the tag nodns in queries and services") {
    holds(judge_queries(fail(errc::denied, "no")), condition::unknown, "no");
    holds(judge_queries(answer("[]")), condition::ok, "none that the token may see");
    holds(judge_queries(answer(R"([{"Name": "a", "Service": {"Service": "web", "Tags": ["nodns"]}},
        {"Name": "b", "Service": {"Tags": null}}, {"Name": "c"}, 1])")),
          condition::ok, "none");
    holds(judge_queries(answer(R"([{"ID": "8f24", "Name": "", "Service": {"Tags": ["!nodns"]}},
        {"ID": "1", "Name": "web", "Service": {"Service": "web", "Tags": ["production", "!nodns"]}}])")),
          condition::warning, "8f24 and web ask for !nodns");
    holds(judge_tags(fail(errc::denied, "no")), condition::unknown, "no");
    holds(judge_tags(answer(R"({"web": {"ID": "web", "Tags": ["dns"]}, "db": {"ID": "db", "Tags": null}})")),
          condition::ok, "no service");
    holds(judge_tags(answer(R"({"web": {"ID": "web", "Tags": ["production", "nodns"]}})")), condition::warning,
          "web has it");
}

TEST_CASE("names that serviceFilter must tell") {
    const auto of = [](result<words> nodes, std::string filter = {}) {
        return judge_service_filter({.service = "db",
                                     .environment = "production",
                                     .server_role = "db",
                                     .service_filter = std::move(filter),
                                     .nodes = std::move(nodes)});
    };
    holds(of(words{"production-db1", "PRODUCTION-DB2.example.org"}), condition::ok, "not needed");
    holds(of(words{"production-db1", "hq-db1", "hq-db1", "dr-db1"}), condition::warning,
          "dr-db1 and hq-db1 do not count, since environment \"production\"");
    holds(of(words{"hq-db1"}, "^(hq|dr)-db"), condition::ok, "^(hq|dr)-db for both");
    holds(of(fail(errc::timed_out, "too late")), condition::unknown, "too late");
}
