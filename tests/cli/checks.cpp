#include "../../tools/cli/commands.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <powerconsul/heal/journal_json.hpp>

#include "caller.hpp"

using tool::caller;
using tool::ended;
using tool::member;
using tool::pair_document;
using tool::sandbox;
using tool::store_text;

namespace {

using words = std::vector<std::string>;

/// A sandbox with a pair of nodes of which production-web1 serves, and two init scripts.
struct site {
    sandbox box{};

    site() {
        box.write("config.json", "{}");
        box.write("store.json", store_text(pair_document, "passing"));
        box.init_script("up", 0);
        box.init_script("down", 3);
        box.init_script("odd", 4);
    }

    /// As production-web1, the primary, or as production-web2, the standby.
    [[nodiscard]] auto as(std::string_view node, words args) const -> ended {
        return caller{box, {{"POWERCONSUL_NODE", "production-" + std::string{node}}}}(std::move(args));
    }

    [[nodiscard]] auto group(std::string_view node, std::string services, words more = {}) const -> ended {
        words args{"check", "servicegroup",      "-s",   std::move(services), "-S",
                   "web",   "--service-manager", "sysv", "--init-directory",  box / "init.d"};
        args.insert(args.end(), more.begin(), more.end());
        return as(node, std::move(args));
    }

    [[nodiscard]] auto service(std::string_view node, std::string name, words more = {}) const -> ended {
        words args{"check", "service",           "-s",   std::move(name),    "-S",
                   "web",   "--service-manager", "sysv", "--init-directory", box / "init.d"};
        args.insert(args.end(), more.begin(), more.end());
        return as(node, std::move(args));
    }
};

/// A process of a name of its own, which ends with the object: a copy of sleep. Not a child of this process, since its
/// children do not count.
class sleeper {
public:
    sleeper(const sandbox& box, const std::string& name) {
        const std::string path = box / name;
        REQUIRE(std::system(("cp /bin/sleep '" + path + "'").c_str()) == 0);  // NOLINT: names that the tests give
        int ends[2]{};
        REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
        const pid_t between = fork();
        if (between == 0) {
            const pid_t grandchild = fork();
            if (grandchild == 0) {
                execl(path.c_str(), path.c_str(), "300", static_cast<char*>(nullptr));
                _exit(127);
            }
            const bool told = write(ends[1], &grandchild, sizeof grandchild) == sizeof grandchild;
            _exit(told ? 0 : 1);
        }
        REQUIRE(between > 0);
        REQUIRE(read(ends[0], &pid_, sizeof pid_) == sizeof pid_);
        close(ends[0]);
        close(ends[1]);
        waitpid(between, nullptr, 0);
        // It has its name once it runs the program; until then it is called as this test.
        wait_until([&] { return words_of("/comm") == name.substr(0, 15); });
    }
    sleeper(const sleeper&) = delete;
    auto operator=(const sleeper&) -> sleeper& = delete;
    ~sleeper() {
        kill(pid_, SIGKILL);
        // Where nobody collects orphans it stays as a zombie, which does no work.
        wait_until([&] { return kill(pid_, 0) != 0 || words_of("/stat").find(") Z ") != std::string::npos; });
    }
    [[nodiscard]] auto pid() const -> std::string { return std::to_string(pid_); }

private:
    [[nodiscard]] auto words_of(std::string_view file) const -> std::string {
        std::string line;
        std::getline(std::ifstream{"/proc/" + std::to_string(pid_) + std::string{file}}, line);
        return line;
    }
    static void wait_until(const std::function<bool()>& there) {
        for (int looks = 0; looks < 30'000 && !there(); ++looks) usleep(1000);
    }

    pid_t pid_{};
};

/// A name that no other process has.
[[nodiscard]] auto own_name(std::string_view what) -> std::string {
    return std::string{what} + std::to_string(getpid());
}

}  // namespace

TEST_CASE("check servicegroup: all or none, and each that is wrong is named") {
    const site here;
    struct row {
        std::string_view node;
        std::string services;
        int status;
        std::string_view text;
    };
    const row rows[] = {
        {"web1", "up", 0, "OK - up is running, primary expects running (all of them run (init script exits 0); "},
        {"web1", "up,down,odd", 2,
         "CRITICAL - up,down,odd is degraded, primary expects running (down is stopped (init script exits 3 (not "
         "running)); odd is unknown (init script exits 4 (it cannot tell); "},
        {"web1", "up,odd", 1, "UNKNOWN - up,odd is unknown, primary expects running (odd is unknown ("},
        {"web1", "down", 2, "CRITICAL - down is stopped, primary expects running (down is stopped ("},
        {"web2", "down", 0,
         "OK - down is stopped, secondary expects stopped (none of them runs (init script exits 3 (not running)); "},
        {"web2", "down,up", 2,
         "CRITICAL - down,up is degraded, secondary expects stopped (up is running (init script exits 0); "},
        {"web2", "down,odd", 1, "UNKNOWN - down,odd is unknown, secondary expects stopped (odd is unknown ("},
        {"web1", "up,gone", 1, "UNKNOWN - up,gone is unknown, primary expects running (gone is unknown (there is no "},
    };
    for (const auto& each : rows) {
        CAPTURE(each.services);
        const auto line = here.group(each.node, each.services);
        CAPTURE(line.out);
        CHECK(line.status == each.status);
        CHECK(line.err.empty());
        CHECK(line.out == here.group(each.node, each.services).out);
        CHECK(line.out.starts_with(R"({"type":"servicegroup","services":["up")") == each.services.starts_with("up"));
        CHECK(here.group(each.node, each.services, {"--format", "text"}).out.substr(0, each.text.size()) == each.text);
    }
}

TEST_CASE("the services of a group are asked side by side") {
    const site here;
    std::string all;
    for (int i = 0; i < 8; ++i) {
        const std::string name = "member" + std::to_string(i);
        all += (i == 0 ? "" : ",") + name;
        // Each waits until all the others have started: one after the other, the first would be given up.
        here.box.write("init.d/" + name,
                       "#!/bin/sh\ntouch " + (here.box / ("started" + std::to_string(i))) + "\nwhile [ $(ls " +
                           (here.box / "") + " | grep -c started) -lt 8 ]; do sleep 0.05; done\n",
                       0700);
    }
    const auto line = here.group("web1", all, {"--timeout", "30s"});
    CAPTURE(line.out);
    CHECK(line.status == 0);
}

TEST_CASE("a group is refused with the name that is wrong") {
    const site here;
    struct row {
        std::string services;
        std::string_view reason;
    };
    std::string many;
    for (int i = 0; i < 65; ++i) many += (i == 0 ? "s" : ",s") + std::to_string(i);
    const row rows[] = {
        {"up,", "\"\" cannot be the name of a local service: it is empty"},
        {"up,,down", "\"\" cannot be the name of a local service: it is empty"},
        {"up, ,down", "\"\" cannot be the name of a local service: it is empty"},
        {"up, down, up ", "-s/--service names \"up\" twice"},
        {"up,../x", "\"../x\" cannot be the name of a local service"},
        {"up,down,up", "-s/--service names \"up\" twice"},
        {many, "-s/--service names 65 services, at most 64 are taken"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.reason);
        const auto line = here.group("web1", each.services);
        CHECK(line.status == 1);
        CHECK(member(line, "state") == "unknown");
        CHECK(member(line, "type") == "servicegroup");
        CHECK(member(line, "reason").find(each.reason) != std::string::npos);
    }
}

TEST_CASE("check crontab: a missing one, and one that is not the user's") {
    const site here;
    REQUIRE(mkdir((here.box / "crontabs").c_str(), 0700) == 0);
    const words args{"check", "crontab", "-u", "daemon", "-S", "web", "--crontab-dir", here.box / "crontabs"};
    const auto missing = here.as("web1", args);
    CHECK(missing.status == 2);
    CHECK(missing.out.starts_with(R"({"type":"crontab","crontab":"daemon","expects":true,"clustered":true,"state":)"));
    CHECK(
        member(missing, "reason").starts_with("the crontab of daemon is stopped, primary expects running: there is "));
    CHECK(here.as("web2", args).status == 0);
    CHECK(member(here.as("web2", args), "state") == "passing");

    auto with_pattern = args;
    with_pattern.insert(with_pattern.end(), {"-p", "Something in the crontab"});
    CHECK(member(here.as("web2", with_pattern), "pattern") == "Something in the crontab");
    // In one file but for the last line: whoever runs the tests, this is no crontab of daemon's that cron obeys.
    here.box.write("crontabs/daemon", "@daily Something in the crontab");
    CHECK(here.as("web2", with_pattern).status != 0);
    CHECK(here.as("web1", with_pattern).status != 0);
    const auto nobody = here.as("web2", {"check", "crontab", "-u", "no-such-user", "-S", "web"});
    CHECK(nobody.status == 1);
    CHECK(member(nobody, "reason").find("there is no user \"no-such-user\" on this machine") != std::string::npos);
}

TEST_CASE("both spellings of the process check ask check_procs") {
    const site here;
    here.box.write("check_procs",
                   "#!/bin/sh\n[ \"$*\" = '-c 1:1 -C a b' ] && { echo 'PROCS OK: 1 process | procs=1'; exit 0; }\n"
                   "echo \"PROCS CRITICAL: $# arguments\"; exit 2\n",
                   0700);
    for (const std::string spelling : {"process", "crontab"}) {
        for (const std::string option : {"-n", "--nagiosargs"}) {
            CAPTURE(spelling);
            const auto ask = [&](std::string_view node, const std::string& arguments) {
                return here.as(
                    node, {"check", spelling, option, arguments, "-S", "web", "--plugin", here.box / "check_procs"});
            };
            const auto found = ask("web1", "-c 1:1 -C 'a b'");
            CHECK(found.status == 0);
            CHECK(found.out.starts_with(R"({"type":"process","nagiosArgs":"-c 1:1 -C 'a b'","expects":true,"cl)"));
            CHECK(member(found, "nagiosScript") == here.box / "check_procs");
            CHECK(member(found, "nagiosOutput") == "PROCS OK: 1 process | procs=1");
            CHECK(member(found, "reason").find("exits 0: PROCS OK: 1 process; ") != std::string::npos);
            CHECK(ask("web2", "-c 1:1 -C 'a b'").status == 2);
            CHECK(ask("web1", "-c 1:1 -C c").status == 2);
            CHECK(ask("web2", "-c 1:1 -C c").status == 0);
        }
    }
    here.box.write("too_many", "#!/bin/sh\necho 'PROCS CRITICAL: 2 processes | procs=2'\nexit 2\n", 0700);
    for (const std::string_view node : {"web1", "web2"}) {
        const words args{"check", "process", "-n", "-c 1:1 -C x", "-S", "web", "--plugin", here.box / "too_many"};
        CHECK(here.as(node, args).status == 2);
    }
    const auto missing = here.as("web2", {"check", "process", "-n", "-C x", "-S", "web", "--plugin", "/nonexistent/x"});
    CHECK(missing.status == 1);
    CHECK(member(missing, "reason").find("/nonexistent/x") != std::string::npos);
}

TEST_CASE("the built-in process check finds a process by name, command line and user") {
    const site here;
    const std::string name = own_name("pcworker");
    const words by_name{"check", "process", "--name", name, "-S", "web"};
    CHECK(here.as("web1", by_name).status == 2);
    CHECK(here.as("web2", by_name).status == 0);
    const sleeper worker{here.box, name};
    const auto found = here.as("web1", by_name);
    CHECK(found.status == 0);
    CHECK(found.out.starts_with(R"({"type":"process","process":")" + name + R"(","expects":true,"clustered":true,)"));
    CHECK(here.as("web2", by_name).status == 2);
    const auto with = [&](words more) {
        words args = by_name;
        args.insert(args.end(), more.begin(), more.end());
        return here.as("web1", args).status;
    };
    CHECK(with({"--count", "1:1"}) == 0);
    CHECK(with({"--count", "2:"}) == 1);
    CHECK(with({"--cmdline", name + " 300$"}) == 0);
    CHECK(with({"--cmdline", name + " 301$"}) == 2);
    CHECK(with({"-u", std::to_string(geteuid())}) == 0);
    CHECK(with({"--user", "no-such-user"}) == 1);
    CHECK(with({"--user", "4294967295"}) == 1);
    CHECK(with({"--user", "99999999999999999999"}) == 1);
}

TEST_CASE("expected work counts as the service running, and the reason names the process") {
    const site here;
    const std::string name = own_name("pcwork");
    CHECK(here.service("web1", "down", {"-P", name}).status == 2);
    CHECK(here.service("web2", "down", {"-R", name}).status == 0);
    const sleeper work{here.box, name};
    const std::vector<words> ways{
        {"-P", name + " 300"}, {"--procstr", name}, {"-R", name + " [0-9]+$"}, {"--procre", ".*" + name}};
    for (const auto& way : ways) {
        CAPTURE(way[1]);
        const auto primary = here.service("web1", "down", way);
        CHECK(primary.status == 0);
        CHECK(member(primary, "reason").find(work.pid()) != std::string::npos);
        CHECK(primary.out == here.service("web1", "down", way).out);
        CHECK(here.service("web2", "down", way).status == 2);
        const auto group = here.group("web1", "down,odd", way);
        CHECK(group.status == 0);
        CHECK(member(group, "reason").find("all of them run (process " + work.pid()) != std::string::npos);
        CHECK(here.group("web2", "down", way).status == 2);
        const words crontab{"check", "crontab", "-u", "daemon", "-S", "web", "--crontab-dir", here.box / ""};
        auto with_work = crontab;
        with_work.insert(with_work.end(), way.begin(), way.end());
        CHECK(here.as("web1", crontab).status == 2);
        CHECK(here.as("web1", with_work).status == 0);
    }
}

TEST_CASE("expected work can be limited to a user, by option, variable or configuration") {
    const site here;
    const std::string name = own_name("pcuser");
    const sleeper work{here.box, name};
    const std::string own = std::to_string(geteuid());
    const std::string other = std::to_string(geteuid() + 1);
    const auto with = [&](words more) {
        more.insert(more.end(), {"-P", name});
        return here.service("web1", "down", more);
    };
    CHECK(with({"--work-user", own}).status == 0);
    CHECK(with({"--work-user", other}).status == 2);
    CHECK(with({"--work-user", other, "--containers"}).status == 2);
    const auto unknown = with({"--work-user", "no-such-user"});
    CHECK(unknown.status == 1);
    CHECK(member(unknown, "reason").find("there is no user \"no-such-user\" on this machine") != std::string::npos);
    const auto group = here.group("web1", "down,up", {"-P", name, "--work-user", "no-such-user"});
    CHECK(group.status == 1);
    CHECK(here.group("web1", "down,odd", {"-P", name, "--work-user", own}).status == 0);
    // Without -P and -R nothing is limited.
    CHECK(here.service("web1", "up", {"--work-user", "no-such-user"}).status == 0);
    here.box.write("config.json", R"({"workUser": ")" + other + R"("})");
    CHECK(with({}).status == 2);
    CHECK(with({"--work-user", own}).status == 0);
    const caller elsewhere{here.box, {{"POWERCONSUL_NODE", "production-web1"}, {"POWERCONSUL_WORK_USER", own}}};
    CHECK(elsewhere({"check", "service", "-s", "down", "-S", "web", "--service-manager", "sysv", "--init-directory",
                     here.box / "init.d", "-P", name})
              .status == 0);
}

TEST_CASE("a noop file makes every check passing, until it is too old") {
    const site here;
    const std::string file = here.box / "noop";
    const words with{"-F", file, "--noop-max-age", "2h"};
    const std::vector<std::pair<std::string_view, ended (*)(const site&, words)>> checks{
        {"service", [](const site& at, words more) { return at.service("web1", "down", std::move(more)); }},
        {"servicegroup", [](const site& at, words more) { return at.group("web2", "up,down", std::move(more)); }},
        {"crontab",
         [](const site& at, words more) {
             words args{"check", "crontab", "-u", "daemon", "-S", "web", "--crontab-dir", at.box / ""};
             args.insert(args.end(), more.begin(), more.end());
             return at.as("web1", std::move(args));
         }},
        {"process",
         [](const site& at, words more) {
             words args{"check", "process", "--name", "no-such-process", "-S", "web"};
             args.insert(args.end(), more.begin(), more.end());
             return at.as("web1", std::move(args));
         }},
        {"plugin",
         [](const site& at, words more) {
             words args{"check", "process", "-n", "-C x", "--plugin", "/nonexistent/x", "-S", "web"};
             args.insert(args.end(), more.begin(), more.end());
             return at.as("web1", std::move(args));
         }},
    };
    for (const auto& [kind, run] : checks) {
        const std::string_view name = kind;
        CAPTURE(name);
        unlink(file.c_str());
        const auto usual = run(here, {});
        CHECK(usual.status != 0);
        CHECK(run(here, with).out == usual.out);

        here.box.write("noop", "");
        const auto held = run(here, with);
        CHECK(held.status == 0);
        CHECK(member(held, "state") == "passing");
        CHECK(member(held, "reason").find("the noop file \"" + file + "\" of ") != std::string::npos);
        CHECK(member(held, "reason").find(" is there, less than an hour old") != std::string::npos);
        CHECK(run(here, {"--noopfile", file}).out == held.out);

        REQUIRE(std::system(("touch -d '3 hours ago' " + file).c_str()) == 0);  // NOLINT: the sandbox's path
        const auto old = run(here, with);
        CHECK(old.status == usual.status);
        CHECK(member(old, "state") == member(usual, "state"));
        CHECK(member(old, "reason").find("is 3 hours old and no longer counts") != std::string::npos);
        CHECK(run(here, {"-F", file}).status == 0);
    }
}

TEST_CASE("a check with --serving is critical where the service is not to run, and its line says what it is") {
    const site here;
    for (const std::string_view name : {"up", "down"}) {
        const auto standby = here.service("web2", std::string{name}, {"--serving"});
        CHECK(standby.status == 2);
        CHECK(standby.out.ends_with("\"serving\":true,\"basis\":\"fresh\"}\n"));
        CHECK(member(standby, "reason")
                  .starts_with(std::string{name} + " does not serve here, secondary expects stopped: "));
    }
    CHECK(here.service("web1", "up", {"--serving"}).status == 0);
    const auto stopped = here.service("web1", "down", {"--serving"});
    CHECK(stopped.status == 2);
    CHECK(member(stopped, "reason").starts_with("down is stopped, primary expects it to serve here: "));
    const auto wrong = here.as("web1", {"check", "service", "-s", "up", "--serving"});
    CHECK(wrong.status == 1);
    CHECK(wrong.out.find("\"serving\":true") != std::string::npos);
}

TEST_CASE("a noop file holds a check whatever the role, and a link to one counts by what it leads to") {
    const site here;
    here.box.write("noop", "");
    const auto nowhere = here.as("other9", {"check", "service", "-s", "down", "-S", "web", "-F", here.box / "noop"});
    CHECK(nowhere.status == 0);
    CHECK(member(nowhere, "role") == "unknown");
    CHECK(member(nowhere, "state") == "passing");

    REQUIRE(symlink((here.box / "noop").c_str(), (here.box / "link").c_str()) == 0);
    CHECK(here.service("web1", "down", {"-F", here.box / "link"}).status == 0);
    REQUIRE(unlink((here.box / "noop").c_str()) == 0);
    CHECK(here.service("web1", "down", {"-F", here.box / "link"}).status == 2);
    const auto folder = here.service("web1", "down", {"-F", here.box / "init.d"});
    CHECK(folder.status == 2);
    CHECK(member(folder, "reason").find("does not count: a regular file is expected") != std::string::npos);
}

TEST_CASE("what does not fit together is wrong usage, and the line says which check it was") {
    const site here;
    struct row {
        std::string_view name;
        words args;
        std::string_view start;
        std::string_view reason;
    };
    const row rows[] = {
        {"no user", {"check", "crontab"}, R"({"type":"crontab","crontab":"",)", "-u/--user is missing"},
        {"a path for a user",
         {"check", "crontab", "-u", "../../etc/shadow"},
         R"({"type":"crontab","crontab":"../../e)",
         "\"../../etc/shadow\" is a path: the name of a user is expected"},
        {"user and arguments",
         {"check", "crontab", "-u", "daemon", "-n", "-C x"},
         R"({"type":"process","nagiosArgs":"-C x",)",
         "-n/--nagiosargs and --user exclude each other"},
        {"pattern and arguments",
         {"check", "crontab", "-p", "x", "-n", "-C x"},
         R"({"type":"process",)",
         "-n/--nagiosargs and --pattern exclude each other"},
        {"plugin for a crontab",
         {"check", "crontab", "-u", "daemon", "--plugin", "/x"},
         R"({"type":"crontab",)",
         "--plugin needs -n/--nagiosargs"},
        {"nothing to look for",
         {"check", "process"},
         R"({"type":"process","process":"",)",
         "one of -n/--nagiosargs, --name, --cmdline and -u/--user is missing"},
        {"a count alone",
         {"check", "process", "--count", "1:"},
         R"({"type":"process","process":"",)",
         "one of -n/--nagiosargs, --name, --cmdline and -u/--user is missing"},
        {"both ways",
         {"check", "process", "-n", "-C x", "--name", "x"},
         R"({"type":"process","nagiosArgs":"-C x",)",
         "-n/--nagiosargs and --name exclude each other"},
        {"an open quote",
         {"check", "process", "-n", "-C 'x"},
         R"({"type":"process","nagiosArgs":"-C 'x",)",
         "-n/--nagiosargs: cannot split"},
        {"a plugin elsewhere",
         {"check", "process", "-n", "-C x", "--plugin", "check_procs"},
         R"({"type":"process",)",
         "--plugin: an absolute path is expected, not \"check_procs\""},
        {"a path for a name",
         {"check", "process", "--name", "/usr/sbin/cron"},
         R"({"type":"process",)",
         "is a path, and processes have names: give its last part"},
        {"a bare count",
         {"check", "process", "--name", "x", "--count", "3"},
         R"({"type":"process","process":"x",)",
         "--count: \"3\" is no range for a count of processes: write 3:3 for exactly 3 or 3:"},
        {"no count at all", {"check", "process", "--name", "x", "--count", "0:1"}, R"({"type":"process",)", "--count:"},
        {"a bad expression", {"check", "process", "--cmdline", "("}, R"({"type":"process",)", "the expression \"(\""},
        {"a bad expression for work",
         {"check", "service", "-s", "up", "-R", "(?x)x"},
         R"({"type":"service",)",
         "the expression \"(?x)x\" is refused at byte "},
        {"an age without a file",
         {"check", "service", "-s", "up", "--noop-max-age", "1h"},
         R"({"type":"service",)",
         "--noop-max-age needs -F/--noopfile"},
        {"an age of ages",
         {"check", "service", "-s", "up", "-F", "/x", "--noop-max-age", "3651d"},
         R"({"type":"service",)",
         "--noop-max-age: \"3651d\" is longer than the 3650d that may be given"},
        {"a bad age",
         {"check", "service", "-s", "up", "-F", "/x", "--noop-max-age", "soon"},
         R"({"type":"service",)",
         "--noop-max-age: \"soon\" is not a length of time"},
        {"another command's option",
         {"check", "service", "--stop-file", "/x"},
         R"({"type":"service",)",
         "the option \"stop-file\" is not known"},
    };
    for (auto each : rows) {
        CAPTURE(each.name);
        each.args.insert(each.args.end(), {"-S", "web"});
        const auto line = here.as("web1", each.args);
        CAPTURE(line.out);
        CHECK(line.status == 1);
        CHECK(line.err.empty());
        CHECK(line.out.starts_with(each.start));
        CHECK(member(line, "state") == "unknown");
        CHECK(member(line, "reason").find(each.reason) != std::string::npos);
    }
}

TEST_CASE("the original's options that change nothing are told at the end of the reason") {
    const site here;
    const auto plain = here.service("web1", "down");
    REQUIRE(plain.status == 2);
    const auto line = here.service("web1", "down", {"-p", "x", "-U", "-u", "", "-p", "y"});
    CHECK(line.status == 2);
    CHECK(line.err.empty());
    CHECK(member(line, "reason") ==
          member(plain, "reason") +
              "; -p is ignored: it is no option of check service; -u is ignored: it is no option of check service; "
              "-U/--updatekv changes nothing, the roles stay as the document says");
    CHECK(here.service("web1", "down", {"-p", "x", "-U", "-u", "", "-p", "y"}).out == line.out);
    CHECK(member(here.service("web2", "up", {"--updatekv"}), "reason").ends_with("stay as the document says"));
}

TEST_CASE("the log of a check has a line where its verdict or reason changes") {
    const site here;
    const std::string logs = here.box / "logs";
    const auto run = [&](std::string name, words more = {}) {
        more.insert(more.end(), {"--log", logs + '/'});
        const auto line = here.service("web1", std::move(name), std::move(more));
        CHECK(line.err.empty());
        return line;
    };
    const auto logged = [&](std::string_view file = "logs/check/service.web.log") {
        words lines;
        const std::string text = here.box.text_of(file);
        for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
            const std::string line = text.substr(at, text.find('\n', at) - at);
            CHECK(line.starts_with("time="));
            lines.push_back(line.substr(line.find(' ') + 1));
        }
        return lines;
    };
    const auto plain = here.service("web1", "up", {"--log", "none"});
    const std::string passing =
        "level=info event=verdict service=web state=passing type=service name=up reason=\"up is running, primary "
        "expects running: ";
    for (int turn = 0; turn < 3; ++turn) CHECK(run("up").out == plain.out);
    REQUIRE(logged().size() == 1);
    CHECK(logged()[0].starts_with(passing));
    // Another check of the same service has its own last verdict, in the same file.
    for (int turn = 0; turn < 3; ++turn) {
        CHECK(run("down").status == 2);
        CHECK(run("up").status == 0);
    }
    REQUIRE(logged().size() == 2);
    CHECK(logged()[1].starts_with("level=error event=verdict service=web state=critical type=service name=down "));
    here.box.init_script("up", 3);
    CHECK(run("up").status == 2);
    CHECK(run("up").status == 2);
    here.box.init_script("up", 0);
    CHECK(run("up").status == 0);
    CHECK(logged().size() == 4);
    // Where the level leaves a change out, it is over all the same.
    const words only_errors{"--log-level", "error"};
    CHECK(run("up", only_errors).status == 0);
    CHECK(logged().size() == 4);
    // What cannot be carried out is unknown in the log as well, once it is known where that is.
    CHECK(run("..", {"--format", "text"}).status == 1);
    REQUIRE(logged().size() == 5);
    CHECK(
        logged()[4].starts_with("level=warning event=verdict service=web state=unknown type=service name=.. reason="));
    const auto group = here.group("web1", "up,down", {"--log", here.box / "all.log", "--log-format", "json"});
    CHECK(group.status == 2);
    CHECK(here.box.text_of("all.log").find(R"("type":"servicegroup","name":"up,down","reason":)") != std::string::npos);
}

TEST_CASE("while its log is written a check already stands by its verdict") {
    const site here;
    std::vector<powerconsul::last_word> told;
    tool::cli::invocation call{{{{"POWERCONSUL_NODE", "production-web1"},
                                 {"POWERCONSUL_CONFIG", here.box / "config.json"},
                                 {"POWERCONSUL_STATE_DIR", here.box / "state"},
                                 {"POWERCONSUL_STORE", here.box / "store.json"},
                                 {"POWERCONSUL_LOG", here.box / "log"}},
                                "web1"},
                               {"check", "service", "-s", "down", "-S", "web", "--service-manager", "sysv",
                                "--init-directory", here.box / "init.d"},
                               [&](powerconsul::last_word word) { told.push_back(std::move(word)); }};
    std::string out;
    std::string err;
    CHECK(tool::cli::run(call, out, err) == 2);
    REQUIRE(told.size() == 3);
    CHECK(told[2].status == 2);
    CHECK(told[2].out == out);
    call.environment["POWERCONSUL_LOG"] = "";
    told.clear();
    CHECK(tool::cli::run(call, out, err) == 2);
    CHECK(told.size() == 2);
}

TEST_CASE("without a word about it a check has no log, and its stderr is none") {
    const site here;
    caller quiet{here.box, {{"POWERCONSUL_NODE", "production-web1"}, {"POWERCONSUL_LOG", ""}}};
    const auto plain = quiet.check();
    CHECK(access((here.box / "state/verdicts").c_str(), F_OK) != 0);
    const auto told = quiet.check({"--log", "stderr"});
    CHECK(told.err.empty());
    CHECK(told.out == plain.out);
    CHECK(access((here.box / "state/verdicts").c_str(), F_OK) != 0);
}

TEST_CASE("a log of a check that cannot be written changes no verdict, is told, and is made up for") {
    const site here;
    const auto plain = here.service("web1", "down", {"--log", "none"});
    const words into{"--log", here.box / "missing/log"};
    const auto failed = here.service("web1", "down", into);
    CHECK(failed.status == 2);
    CHECK(failed.err.empty());
    CHECK(member(failed, "reason") == member(plain, "reason") +
                                          "; the check's log is not written: cannot open the log \"" +
                                          (here.box / "missing/log") + "\": No such file or directory");
    CHECK(here.service("web1", "down", into).out == failed.out);
    REQUIRE(mkdir((here.box / "missing").c_str(), 0700) == 0);
    CHECK(here.service("web1", "down", into).out == plain.out);
    CHECK(here.service("web1", "down", into).out == plain.out);
    const std::string text = here.box.text_of("missing/log");
    CHECK(text.find("event=verdict") == text.rfind("event=verdict"));
    CHECK(text.find("event=verdict") != std::string::npos);

    // Nothing is written that the next run would not know of.
    REQUIRE(chmod((here.box / "state").c_str(), 0777) == 0);
    const auto shared = here.service("web1", "down", {"--log", here.box / "other.log"});
    CHECK(shared.status != 0);
    CHECK(member(shared, "reason").find("the check's log is not written: the state directory") != std::string::npos);
    CHECK(access((here.box / "other.log").c_str(), F_OK) != 0);
    REQUIRE(chmod((here.box / "state").c_str(), 0700) == 0);
}

TEST_CASE("a check that is bad names the triggers that were given up") {
    using namespace powerconsul;
    const site here;
    REQUIRE(mkdir((here.box / "state").c_str(), 0700) == 0);
    REQUIRE(mkdir((here.box / "state/journal").c_str(), 0700) == 0);
    const auto keep = [&](std::vector<incident> incidents) {
        for (std::size_t i = 0; i < incidents.size(); ++i) incidents[i].id = std::to_string(i);
        here.box.write("state/journal/web.json", json::encode_journal({.service = "web", .incidents = incidents}));
    };
    const std::string note = "; powerconsul/given-up: ";
    const auto reason = [&](std::string service) { return member(here.service("web1", std::move(service)), "reason"); };
    keep({{.given_up = true, .key = "start"},
          {.state = bad_state::warning, .given_up = true, .key = "warn"},
          {.state = bad_state::warning, .closed = {1}, .given_up = true, .key = "closed"}});
    CHECK(reason("down").ends_with(note + "start and warn do not heal it; see powerconsul incidents"));
    CHECK(reason("down") == reason("down"));
    CHECK(reason("up").find(note) == std::string::npos);
    CHECK(reason("odd").find(note) == std::string::npos);
    keep({{.given_up = true, .key = "start"}});
    CHECK(reason("down").ends_with(note + "start does not heal it; see powerconsul incidents"));
    keep({{.key = "start"}, {.closed = {1}, .given_up = true, .key = "closed"}});
    CHECK(reason("down").find(note) == std::string::npos);
    here.box.write("state/journal/web.json", "no journal");
    CHECK(reason("down").find(note) == std::string::npos);
}

TEST_CASE("values may be attached, and may start with a dash") {
    const site here;
    here.box.write("check_procs", "#!/bin/sh\necho \"PROCS OK: $* | procs=1\"\n", 0700);
    const std::string plugin = here.box / "check_procs";
    const std::vector<words> spellings{
        {"-n", "-c 1:1 -C x"}, {"-n-c 1:1 -C x"}, {"--nagiosargs=-c 1:1 -C x"}, {"--nagiosargs", "-c 1:1 -C x"}};
    for (const auto& spelling : spellings) {
        CAPTURE(spelling[0]);
        words args{"check", "process", "-Sweb", "--plugin", plugin};
        args.insert(args.begin() + 2, spelling.begin(), spelling.end());
        const auto line = here.as("web1", args);
        CAPTURE(line.out);
        CHECK(line.status == 0);
        CHECK(member(line, "nagiosArgs") == "-c 1:1 -C x");
        CHECK(member(line, "nagiosOutput") == "PROCS OK: -c 1:1 -C x | procs=1");
    }
}

namespace {

/// What a check would say if its time were over before anybody was asked; nothing if nobody bounds the command.
auto first_last_word(tool::cli::invocation call) -> std::optional<powerconsul::last_word> {
    std::optional<powerconsul::last_word> told;
    call.limit = [&](powerconsul::last_word word) {
        told = std::move(word);
        throw std::runtime_error{"enough is known"};
    };
    std::string out;
    std::string err;
    (void)tool::cli::run(call, out, err);
    return told;
}

}  // namespace

TEST_CASE("what a check says when its time is over") {
    struct row {
        std::string_view name;
        words args;
        std::map<std::string, std::string, std::less<>> environment;
        std::int64_t limit;
        int status;
        std::string_view start;
    };
    const row rows[] = {
        {"plain",
         {"check", "service", "-s", "a", "-S", "b"},
         {},
         8000,
         1,
         R"({"type":"service","service":"a","expects":null,"clustered":null,"state":"unknown","code":1,"role":)"
         R"("unknown","reason":"a cannot be judged: the check did not end within 8 s","basis":"none"})"},
        {"as text",
         {"check", "process", "--name", "x", "--format", "text", "--timeout", "1500ms"},
         {},
         1500,
         1,
         "UNKNOWN - x cannot be judged (the check did not end within 1500 ms)\n"},
        {"from the environment",
         {"check", "crontab", "-u", "bob", "--unknown-exit", "3"},
         {{"POWERCONSUL_TIMEOUT", "3s"}, {"POWERCONSUL_FORMAT", "text"}},
         3000,
         3,
         "UNKNOWN - the crontab of bob cannot be judged (the check did not end within 3 s)\n"},
        {"too short to be taken", {"check", "service", "-s", "a", "--timeout", "0"}, {}, 1000, 1, "{"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto word = first_last_word({{each.environment, {}}, each.args});
        REQUIRE(word);
        CHECK(word->limit.count == each.limit);
        CHECK(word->status == each.status);
        CHECK(word->out.substr(0, each.start.size()) == each.start);
        CHECK(word->out.ends_with('\n'));
    }
    for (const words& args : {words{"role", "-S", "web"},
                              {"check", "service", "--help"},
                              {},
                              {"--version"},
                              {"check", "service", "--nonsense"}}) {
        CHECK_FALSE(first_last_word({{}, args}));
    }
}

TEST_CASE("the configuration's time limit is told once it is known") {
    const site here;
    here.box.write("config.json", R"({"timeout": "3s", "unknownExit": 2, "format": "text"})");
    std::vector<powerconsul::last_word> told;
    tool::cli::invocation call{{{{"POWERCONSUL_CONFIG", here.box / "config.json"},
                                 {"POWERCONSUL_STORE", here.box / "store.json"},
                                 {"POWERCONSUL_STATE_DIR", here.box / "state"}},
                                "production-web1"},
                               {"check", "service", "-s", "up", "-S", "web"},
                               [&](powerconsul::last_word word) { told.push_back(std::move(word)); }};
    std::string out;
    std::string err;
    (void)tool::cli::run(call, out, err);
    REQUIRE(told.size() == 2);
    CHECK(told[0].limit.count == 8000);
    CHECK(told[1].limit.count == 3000);
    CHECK(told[1].status == 2);
    CHECK(told[1].out == "UNKNOWN - up cannot be judged (the check did not end within 3 s)\n");
}

TEST_CASE("wrong usage is told in the format that was asked for") {
    const site here;
    for (const words& args : {words{"check", "service", "--nonsense", "--format", "text"},
                              {"check", "--format=text"},
                              {"check", "process", "-C", "x", "--format", "text"}}) {
        const auto line = here.as("web1", args);
        CHECK(line.status == 1);
        CHECK(line.out.starts_with("UNKNOWN - the check cannot be judged ("));
    }
}
