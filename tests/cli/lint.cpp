#include "../../tools/cli/commands.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include <powerconsul/core/base64.hpp>
#include <powerconsul/core/result.hpp>

#include "caller.hpp"

using tool::caller;
using tool::ended;
using tool::sandbox;

namespace {

using words = std::vector<std::string>;

/// A call without a configuration, whose findings name files as `@/…`.
struct linter {
    sandbox box{};
    std::string config{"{}"};

    [[nodiscard]] auto operator()(const words& args, std::optional<std::string> input = {}) const -> ended {
        box.write("config.json", config);
        caller call{box};
        call.input = std::move(input);
        words all{"lint"};
        for (const auto& each : args) all.push_back(each.starts_with("@/") ? box / each.substr(2) : each);
        ended result = call(all);
        const std::string folder = box / "";
        for (auto* text : {&result.out, &result.err}) {
            for (auto at = text->find(folder); at != std::string::npos; at = text->find(folder)) {
                text->replace(at, folder.size(), "@/");
            }
        }
        return result;
    }
};

[[nodiscard]] auto entry(std::string_view key, std::string_view value) -> std::string {
    return "{\n\t\"key\": \"" + std::string{key} + "\",\n\t\"flags\": 0,\n\t\"value\": \"" +
           powerconsul::base64_encoded(value) + "\"\n}";
}

[[nodiscard]] auto exported(const words& entries) -> std::string {
    std::string text;
    for (const auto& each : entries) text += (text.empty() ? "" : ",\n") + each;
    return "[\n" + text + "\n]\n";
}

[[nodiscard]] auto store_with(std::string_view keys, std::string_view services) -> std::string {
    return R"({"agent": {"node": "production-web2", "datacenter": "hq"}, "datacenters": {"hq": {"kv": {)" +
           std::string{keys} + R"(}, "services": [)" + std::string{services} + "]}}}";
}

constexpr std::string_view two_webs =
    R"({"service": "web", "node": "production-web1"}, {"service": "web", "node": "production-web2"})";

}  // namespace

TEST_CASE("what to look at must be said once") {
    linter lint;
    for (const auto& args : {words{}, words{"-S", "web", "@/a"}, words{"--all", "-S", "web"}, words{"--all", "-"},
                             words{"--as", "document", "--all"}, words{"--as", "x", "-"}, words{"-S", "a/b"}}) {
        const auto run = lint(args);
        CAPTURE(run.err);
        CHECK(run.status == 64);
        CHECK(run.out.empty());
        CHECK(run.err.starts_with("powerconsul: "));
    }
}

TEST_CASE("files are told apart, and their mistakes are printed in order") {
    linter lint;
    lint.box.write("web.json", R"({"active_nodes": [], "standby_nodes": ["b"]})");
    lint.box.write("good.json", tool::pair_document);
    lint.box.write("restart.sh", "./restart\n");
    lint.box.write("command.json", R"({"command": ["/bin/true"], "timeout": "9h"})");
    lint.box.write("powerconsul.conf", R"({"statedir": "/x", "timeout": "5s"})");
    const auto run = lint({"@/web.json", "@/restart.sh", "@/good.json", "@/command.json", "@/powerconsul.conf"});
    CHECK(run.out ==
          "@/command.json:1:39: error: timeout: \"9h\" is not between 1ms and 1h\n"
          "@/powerconsul.conf: note: it was taken for a configuration; if it is something else, say --as document, "
          "trigger or configuration\n"
          "@/powerconsul.conf:1:14: error: statedir: this key is not known; did you mean \"stateDir\"?\n"
          "@/restart.sh:1:1: warning: the command ./restart is relative; triggers run in /, give its whole path\n"
          "@/web.json:1:18: error: active_nodes: the list is empty; name at least one\n"
          "3 errors, 1 warning in 5 documents\n");
    CHECK(run.err.empty());
    CHECK(run.status == 65);
}

TEST_CASE("warnings alone exit with 1, notes and nothing with 0") {
    linter lint;
    lint.box.write("good.json", tool::pair_document);
    lint.box.write("restart.sh", "./restart\n");
    lint.box.write("old.conf", R"({"consulConfig": "x", "clusterKey": "a"})");
    CHECK(lint({"@/restart.sh"}).status == 1);
    const auto fine = lint({"@/good.json"});
    CHECK(fine.out == "1 cluster document is fine\n");
    CHECK(fine.status == 0);
    const auto note = lint({"@/old.conf", "@/good.json"});
    CHECK(note.out ==
          "@/old.conf:1:2: note: consulConfig is accepted and does nothing: the agent itself is asked\n"
          "1 cluster document and 1 configuration are fine\n");
    CHECK(note.status == 0);
}

TEST_CASE("a text that does not tell what it is was taken for something, and --as says otherwise") {
    linter lint;
    lint.box.write("x", "{\"active_nodes\": ");
    lint.box.write("y", "service apache2 @SVC");
    lint.box.write("z.json", "service apache2 restart");
    CHECK(lint({"@/x"}).out ==
          "@/x:1:18: error: not valid JSON: expected a value, found the end of the text; it was cut off\n"
          "1 error in 1 document\n");
    const auto trigger = lint({"@/y"});
    CHECK(
        trigger.out.starts_with("@/y: note: it was taken for a trigger; if it is something else, say --as document, "
                                "trigger or configuration\n@/y:1:17: warning: the name @SVC is not known"));
    CHECK(
        lint({"@/z.json"}).out ==
        "@/z.json: note: it was taken for a cluster document; if it is something else, say --as document, trigger or "
        "configuration\n@/z.json:1:1: error: not valid JSON: expected a value, found \"service\"\n1 error in 1 document\n");
    CHECK(lint({"--as", "trigger", "@/z.json"}).out == "1 trigger is fine\n");
    CHECK(lint({"--as", "document", "@/y"}).status == 65);
    CHECK(lint({"--as", "configuration", "-"}, "{}").out == "1 configuration is fine\n");
}

TEST_CASE("what cannot be read is an error, and the rest is looked at") {
    linter lint;
    REQUIRE(mkfifo((lint.box / "fifo").c_str(), 0600) == 0);
    lint.box.write("empty", "");
    lint.box.write("good.json", tool::pair_document);
    REQUIRE(symlink("good.json", (lint.box / "link.json").c_str()) == 0);
    lint.box.write("big", "#" + std::string(std::size_t{600} * 1024, 'x'));
    lint.box.write("huge", std::string(std::size_t{17} * 1024 * 1024, 'x'));
    const auto run = lint({"@/none", "@/", "@/fifo", "/dev/zero", "@/empty", "@/big", "@/huge", "@/link.json", "-"});
    CHECK(run.out ==
          "/dev/zero: error: \"/dev/zero\" is not a regular file, and only such are read\n"
          "@/: error: \"" +
              (lint.box / "").substr(0, (lint.box / "").size() - 1) +
              "\" is not a regular file, and only such are read\n"
              "@/big: error: a trigger of 614401 bytes; at most 524288 are taken\n"
              "@/empty: error: is empty\n"
              "@/fifo: error: \"@/fifo\" is not a regular file, and only such are read\n"
              "@/huge: error: \"@/huge\" is larger than the 16777216 bytes that it may have\n"
              "@/none: error: there is no such file\n"
              "<stdin>: error: there is no standard input\n"
              "8 errors in 1 document\n");
    CHECK(run.status == 65);
}

TEST_CASE("standard input that does not end or is too much is an error") {
    sandbox box;
    for (const auto code : {powerconsul::errc::timed_out, powerconsul::errc::bad_data}) {
        tool::cli::invocation call{{{{"HOME", box / "home"}}, "a-b1"}, {"lint", "-", "--timeout", "150ms"}};
        call.input = [&](std::size_t limit, powerconsul::milliseconds time) -> powerconsul::result<std::string> {
            CHECK(limit == std::size_t{16} * 1024 * 1024);
            CHECK(time == powerconsul::milliseconds{150});
            return powerconsul::fail(code, "too much");
        };
        std::string out;
        std::string err;
        CHECK(tool::cli::run(call, out, err) == 65);
        CHECK(out == (code == powerconsul::errc::timed_out
                          ? "<stdin>: error: it did not end within 150 ms; see --timeout\n1 error\n"
                          : "<stdin>: error: too much\n1 error\n"));
    }
}

TEST_CASE("an export is looked through key by key, and triggers are held against documents") {
    linter lint;
    const std::string text = exported({
        entry("app/setting", "1"),
        entry("cluster/production/", ""),
        entry("cluster/production/all", R"({"mode": "all-active"})"),
        entry("cluster/production/bad", R"({"active_nodes": [], "standby_nodes": "b"})"),
        entry("cluster/production/web", tool::pair_document),
        entry("cluster/production/web/old", "x"),
        entry("triggers/production/all/secondary/critical", "service x stop"),
        entry("triggers/production/bad/standalone/critical", "service x stop"),
        entry("triggers/production/none/primary/critical", "service x start"),
        entry("triggers/production/none/standalone/critical", "service x start"),
        entry("triggers/production/web/master/critical", "service x start"),
        entry("triggers/production/web/primary/critical", "./restart"),
        entry("triggers/production/web/standalone/warning", "service x start"),
        entry("triggers/test/web/secondary/warning", "service x start"),
    });
    const auto run = lint({"-"}, text);
    CHECK(
        run.out ==
        "cluster/production/bad:1:18: error: active_nodes: the list is empty; name at least one\n"
        "cluster/production/web/old: warning: no key that powerconsul reads: cluster documents stand at "
        "cluster/*/<service>\n"
        "triggers/production/all/secondary/critical: warning: this trigger never runs: the mode of its cluster "
        "document is all-active: every node is primary\n"
        "triggers/production/none/primary/critical: warning: this trigger never runs: without a cluster document "
        "every node is standalone, and this export has none\n"
        "triggers/production/web/master/critical: warning: \"master\" is no role; did you mean \"primary\"?\n"
        "triggers/production/web/primary/critical: warning: there is no such trigger for secondary: nothing stops web "
        "on a standby that runs it while an active serves\n"
        "triggers/production/web/primary/critical:1:1: warning: the command ./restart is relative; triggers run in "
        "/, give its whole path\n"
        "triggers/production/web/standalone/warning: warning: this trigger never runs: with a cluster document no "
        "node is standalone\n"
        "1 error, 7 warnings in 10 documents; 2 other keys passed over\n");
    CHECK(run.status == 65);
    CHECK(lint({"-"}, exported({entry("cluster/production/web", tool::pair_document)})).out ==
          "1 cluster document is fine\n");
}

TEST_CASE("an export without a key of powerconsul's, and a damaged one, are errors") {
    linter lint;
    const auto none = lint({"-"}, "[]");
    CHECK(none.status == 65);
    CHECK(
        none.out.starts_with("<stdin>: error: no key of this export is powerconsul's: documents are looked for below "
                             "cluster/*, triggers at triggers/*/<service>/<role>/<state> or "
                             "triggers/<service>/<role>/<state> (clusterKey"));
    CHECK(lint({"-", "--environment", "test"}, exported({entry("cluster/production/web", tool::pair_document)}))
              .out.find("below cluster/test, triggers at triggers/test/<service>/") != std::string::npos);
    lint.config = R"({"clusterKey": "kv/c/", "triggerKey": "kv/t"})";
    CHECK(lint({"-"}, exported({entry("kv/c/web", tool::pair_document)})).status == 0);
    const auto damaged = lint({"-"}, R"([{"key": "kv/c/web", "flags": 0, "value": "%"}])");
    CHECK(damaged.status == 65);
    CHECK(damaged.out.starts_with("<stdin>:1:43: error: the value of \"kv/c/web\": "));
}

TEST_CASE("names in triggers are those of the configuration, which must be right where it is named") {
    linter lint;
    lint.config = R"({"subVars": {"SVC": "apache2"}})";
    CHECK(lint({"-"}, "service @SVC restart on @ENV @HOST @ROLE").out == "1 trigger is fine\n");
    lint.config = R"({"subVars": 1})";
    const auto fallen_back = lint({"-"}, tool::pair_document.data());
    CHECK(fallen_back.status == 0);
    CHECK(fallen_back.out.starts_with(
        "this machine's configuration: note: it is not used, as if there were none: the configuration "
        "@/config.json: subVars at line 1"));
    CHECK(lint({"-", "--config", "@/config.json"}, tool::pair_document.data()).status == 78);
    CHECK(lint({"@/config.json"}).status == 65);
    lint.config = "{}";
    CHECK(lint({"-", "--timeout", "x"}, tool::pair_document.data()).status == 64);
}

TEST_CASE("a configuration is held against this machine") {
    linter lint;
    lint.box.write("token", "secret", 0644);
    lint.box.write("a.conf", R"({"serviceManager": "upstart", "log": "file", "consul": {"tokenFile": ")" +
                                 lint.box / "token" + R"("}})");
    const auto run = lint({"@/a.conf"});
    CHECK(
        run.out ==
        "@/a.conf:1:20: error: serviceManager: \"upstart\" is not a service manager that is known here, expected "
        "systemd, sysv or openrc\n"
        "@/a.conf:1:38: error: log: \"file\" is no destination for the log; expected none, stderr, syslog or the absolute "
        "path "
        "of a file or, with a / at its end, of a directory\n"
        "@/a.conf:1:70: warning: consul.tokenFile: @/token has the mode 0644, so that others can read the token; "
        "chmod 0600 it\n"
        "2 errors, 1 warning in 1 document\n");
    lint.config = R"({"serviceFilter": "^test-"})";
    CHECK(lint({"@/config.json"}).out ==
          "@/config.json:1:19: note: serviceFilter does not match this node, production-web2.example.org\n"
          "1 configuration is fine\n");
    lint.config = R"({"serviceFilter": "(.+)+(.+)+[A-Z]"})";
    CHECK(
        lint({"@/config.json"}).out ==
        "@/config.json:1:19: warning: serviceFilter: the expression \"(.+)+(.+)+[A-Z]\" cannot be matched with a text "
        "of 27 bytes: match limit exceeded; write it plainer, without a repetition inside another\n"
        "1 warning in 1 document\n");
}

TEST_CASE("one service is read from Consul, with its triggers and nodes") {
    linter lint;
    lint.box.write(
        "store.json",
        store_with(
            R"("cluster/production/web": {"active_nodes": ["production-web1"], "standby_nodes": ["production-wbe2"]},
                       "triggers/production/web/primary/critical": "./restart",
                       "triggers/production/web/primary/crit": "x",
                       "triggers/production/web/secondary/critical": "#!/no/such/shell\n",
                       "triggers/production/web/standalone/critical": "date",
                       "triggers/production/db/standalone/critical": "./not-asked-for")",
            two_webs));
    const auto run = lint({"-S", "web"});
    CHECK(run.err.empty());
    CHECK(run.out ==
          "cluster/production/web:1:1: warning: web is on production-web2 too, whose role is unknown: node "
          "production-web2 is neither in active_nodes nor in standby_nodes\n"
          "cluster/production/web:1:54: warning: Consul shows no web on \"production-wbe2\"; did you mean "
          "\"production-web2\"?\n"
          "cluster/production/web:1:54: warning: standby_nodes names no node on which Consul shows web; it is on "
          "production-web1 and production-web2\n"
          "triggers/production/web/primary/crit: warning: \"crit\" is no state that has triggers; did you mean "
          "\"critical\"?\n"
          "triggers/production/web/primary/critical:1:1: warning: the command ./restart is relative; triggers run in "
          "/, give its whole path\n"
          "triggers/production/web/secondary/critical:1:1: warning: there is no /no/such/shell on this machine\n"
          "triggers/production/web/standalone/critical: warning: this trigger never runs: with a cluster document no "
          "node is standalone\n"
          "7 warnings in 4 documents\n");
    CHECK(run.status == 1);
    const auto json = lint({"-S", "web", "--format", "json"});
    CHECK(tool::member(json, "warnings") == "7");
    CHECK(tool::member(json, "documents") == "1");
    CHECK(tool::member(json, "triggers") == "3");
    const auto root = tool::json::parse(json.out);
    REQUIRE(root);
    const auto& first = root->find("findings")->items.front();
    CHECK(first.find("document")->text == "cluster/production/web");
    CHECK(first.find("line")->text == "1");
    CHECK(first.find("column")->text == "1");
    CHECK(first.find("severity")->text == "warning");
    CHECK(root->find("findings")->items[3].find("line")->is(tool::json::kind::null));
}

TEST_CASE("everything is read from Consul, of this node's environment") {
    linter lint;
    lint.box.write(
        "store.json",
        store_with(
            R"("cluster/production/web": {"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]},
                       "cluster/test/web": "x", "cluster/production/db": "",
                       "triggers/production/web/primary/critical": "date",
                       "triggers/production/mail/secondary/critical": "date")",
            two_webs));
    const auto run = lint({"--all"});
    CHECK(
        run.out ==
        "cluster/production/db: note: Consul shows no instance of db (there is none, or the token needs service:read "
        "on it and node:read): its nodes were not compared\n"
        "cluster/production/db:1:1: error: the value is empty; delete the key to make the service standalone\n"
        "triggers/production/mail/secondary/critical: warning: this trigger never runs: without a cluster document "
        "every node is standalone\n"
        "triggers/production/web/primary/critical: warning: there is no such trigger for secondary: nothing stops web "
        "on a standby that runs it while an active serves\n"
        "1 error, 2 warnings in 4 documents\n");
    CHECK(run.status == 65);
    const auto elsewhere = lint({"--all", "--environment", "staging"});
    CHECK(elsewhere.status == 65);
    CHECK(elsewhere.out.starts_with(
        "cluster/staging: error: neither here nor below triggers/staging is any key that the token may list"));
    lint.box.write("store.json", "{");
    CHECK(lint({"--all"}).status != 0);
    lint.config = R"({"clusterKey": "/c"})";
    CHECK(lint({"--all"}).status == 78);
}
