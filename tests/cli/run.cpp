#include "../../tools/cli/run.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

#include <powerconsul/version.hpp>

#include "caller.hpp"

using tool::caller;
using tool::member;
using tool::pair_document;
using tool::sandbox;
using tool::store_text;

TEST_CASE("check service gives the verdict of the decision table as line and exit code") {
    const sandbox box;
    box.write("config.json", "{}");
    struct row {
        std::string_view name;
        std::string_view node;
        std::string_view active;
        int script;
        int status;
        std::string_view state;
        std::string_view text;
    };
    constexpr row rows[] = {
        {"primary, running", "production-web1", "passing", 0, 0, "passing",
         "OK - local is running, primary expects running ("},
        {"primary, stopped", "production-web1", "passing", 3, 2, "critical",
         "CRITICAL - local is stopped, primary expects running ("},
        {"primary, cannot tell", "production-web1", "passing", 4, 1, "unknown",
         "UNKNOWN - local is unknown, primary expects running ("},
        {"standby, stopped", "production-web2", "passing", 3, 0, "passing",
         "OK - local is stopped, secondary expects stopped ("},
        {"standby, running", "production-web2", "passing", 0, 2, "critical",
         "CRITICAL - local is running, secondary expects stopped ("},
        {"standby, active warning", "production-web2", "warning", 3, 0, "passing",
         "OK - local is stopped, secondary expects stopped ("},
        {"takes over, stopped", "production-web2", "critical", 3, 2, "critical",
         "CRITICAL - local is stopped, secondary expects running ("},
        {"takes over, running", "production-web2", "critical", 0, 0, "passing",
         "OK - local is running, secondary expects running ("},
        {"in no list", "production-web3", "passing", 0, 1, "unknown", "UNKNOWN - local cannot be judged ("},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        box.write("store.json", store_text(pair_document, each.active));
        box.init_script("local", each.script);
        const caller run{box, {{"POWERCONSUL_NODE", std::string{each.node}}, {"POWERCONSUL_MAX_AGE", "0"}}};
        const auto line = run.check();
        CHECK(line.status == each.status);
        CHECK(line.err.empty());
        CHECK(line.out.find('\n') == line.out.size() - 1);
        CHECK(member(line, "type") == "service");
        CHECK(member(line, "service") == "local");
        CHECK(member(line, "state") == each.state);
        CHECK(member(line, "code") == std::to_string(each.status));
        CHECK(run.check().out == line.out);
        const auto text = run.check({"--format", "text"});
        CHECK(text.status == each.status);
        CHECK(text.out.substr(0, each.text.size()) == each.text);
    }
}

TEST_CASE("the node is found by its host name with or without domain, else by the agent's name") {
    const sandbox box;
    box.write("config.json", "{}");
    box.write("store.json", store_text(pair_document, "passing"));
    for (const std::string host : {"production-web2", "production-web2.example.org"}) {
        const caller run{box, {}, host};
        CHECK(member(run({"role", "-S", "web", "--format", "json"}), "role") == "secondary");
    }
    const caller stranger{box, {}, "production-some-other-name"};
    CHECK(member(stranger({"role", "-S", "web", "--format", "json"}), "role") == "secondary");
    CHECK(member(stranger({"role", "-S", "web", "--format", "json", "--node", "production-web1"}), "role") ==
          "primary");
}

TEST_CASE("the command line wins over the environment, the environment over the configuration") {
    const sandbox box;
    box.write("store.json", store_text(pair_document, "passing"));
    box.write("config.json", R"({"node": "production-web1", "format": "json"})");
    caller run{box};
    CHECK(member(run({"role", "-S", "web"}), "role") == "primary");
    run.environment["POWERCONSUL_NODE"] = "production-web2";
    CHECK(member(run({"role", "-S", "web"}), "role") == "secondary");
    CHECK(member(run({"role", "-S", "web", "--node", "production-web1"}), "role") == "primary");
    run.environment["POWERCONSUL_NODE"] = "";
    CHECK(member(run({"role", "-S", "web"}), "role") == "primary");
}

TEST_CASE("a variable that is misspelt is an error, one that is somebody else's or a trigger's is none") {
    const sandbox box;
    box.write("store.json", store_text(pair_document, "passing"));
    box.write("config.json", R"({"node": "production-web1", "format": "json"})");
    caller run{box};
    const std::map<std::string, std::string> sound{{"SERVICE", "web"},
                                                   {"ROLE", "primary"},
                                                   {"STATE", "critical"},
                                                   {"CHECK_ID", "c"},
                                                   {"INCIDENT_ID", "i"},
                                                   {"ATTEMPT", "1"},
                                                   {"REASON", "r"},
                                                   {"CHECK_OUTPUT", "o"},
                                                   {"VAR_ENV", "x"},
                                                   {"VAR_NODES", "x"},
                                                   {"HOME", "/opt"},
                                                   {"CANARY", "1"},
                                                   {"X", "1"},
                                                   {"", "1"},
                                                   {"SERVICE_MANAGER", "sysv"},
                                                   {"UNKNOWN_EXIT", "1"},
                                                   {"LOG", "none"},
                                                   {"LOG_LEVEL", "error"},
                                                   {"LOG_FORMAT", "json"},
                                                   {"STOP_FILE", "/x"}};
    for (const auto& each : sound) {
        run.environment = {{"POWERCONSUL_" + each.first, each.second}};
        CAPTURE(each.first);
        const auto ended = run({"role", "-S", "web"});
        CHECK(ended.err.empty());
        CHECK(member(ended, "role") == "primary");
    }
    for (const auto& [wrong, meant] : std::map<std::string, std::string>{{"ENVIROMENT", "ENVIRONMENT"},
                                                                         {"TIMEOUTS", "TIMEOUT"},
                                                                         {"SERVER_ROL", "SERVER_ROLE"},
                                                                         {"LOGLEVEL", "LOG_LEVEL"},
                                                                         {"NODES", "NODE"}}) {
        run.environment = {{"POWERCONSUL_" + wrong, "1"}};
        const auto ended = run({"role", "-S", "web"});
        CHECK(ended.status == 64);
        CHECK(ended.err == "powerconsul: \"POWERCONSUL_" + wrong +
                               "\" is no variable of powerconsul; did you mean POWERCONSUL_" + meant + "?\n");
        run.environment.begin()->second.clear();
        CHECK(run({"role", "-S", "web"}).status == 0);
    }
}

TEST_CASE("the original's configuration file loads unchanged and moves the documents") {
    const sandbox box;
    box.write("config.json",
              R"({"serviceFilter": "^powerconsul-docker[0-9]*$", "consulConfig": "/consul/config/config.json",
        "clusterKey": "cluster/docker", "subVars": {"@ENV": "production", "BETA": "beta"}, "noopTriggers": ["ntp"]})");
    box.write("store.json", R"({"datacenters": {"hq": {"kv": {"cluster/docker/web": {"mode": "all-active"}}}}})");
    const caller run{box, {{"POWERCONSUL_DATACENTER", "hq"}}};
    const auto role = run({"role", "-S", "web", "--format", "json"});
    CHECK(role.status == 0);
    CHECK(member(role, "key") == "cluster/docker/web");
    CHECK(member(role, "role") == "primary");
}

TEST_CASE("takeoverOn brings back the original's rule") {
    const sandbox box;
    box.write("store.json", store_text(pair_document, "warning"));
    box.write("config.json", R"({"takeoverOn": "warning"})");
    CHECK(member(caller{box}({"role", "-S", "web", "--format", "json"}), "expectation") == "running");
}

TEST_CASE("a check that ends without a verdict prints its line all the same") {
    const sandbox box;
    box.write("config.json", "{}");
    box.write("bad.json", R"({"colour": "x", "timeout": "soon"})");
    box.write("foreign.json", "{}", 0620);
    box.write("store.json", store_text(pair_document, "passing"));
    box.init_script("local", 0);
    struct row {
        std::string_view name;
        std::vector<std::string> args;
        std::string_view reason;
    };
    const std::string bad = box / "bad.json";
    const row rows[] = {
        {"no service",
         {"check", "service", "-s", "local"},
         "local cannot be judged: the option -S/--consulservice is missing"},
        {"no local service",
         {"check", "service", "-S", "web"},
         "the check cannot be judged: the option -s/--service is missing"},
        {"unknown option",
         {"check", "service", "--nonsense"},
         "the check cannot be judged: the option \"nonsense\" is not known"},
        {"no subject", {"check"}, "the check cannot be judged: check needs a subject"},
        {"misspelt subject",
         {"check", "servcie", "-s", "local", "-S", "web"},
         "the check cannot be judged: the subject \"servcie\" is not known, did you mean \"service\""},
        {"misspelt subject, and help", {"check", "servcie", "--help"}, "the check cannot be judged: the subject"},
        {"misspelt option before the command",
         {"--stroe", "/nonexistent/x", "check", "service", "-s", "local", "-S", "web"},
         "local cannot be judged: the command \"/nonexistent/x\" is not known"},
        {"another key",
         {"check", "service", "-s", "local", "-S", "../x"},
         "local cannot be judged: the Consul service name \"../x\" contains '/'"},
        {"up",
         {"check", "service", "-s", "local", "-S", ".."},
         "local cannot be judged: the Consul service name \"..\" would be another key"},
        {"a path for a service",
         {"check", "service", "-s", "../bin/sh", "-S", "web"},
         "../bin/sh cannot be judged: -s/--service: \"../bin/sh\" cannot be the name"},
        {"bad duration",
         {"check", "service", "-s", "local", "-S", "web", "--timeout", "soon"},
         "local cannot be judged: --timeout: \"soon\" is not a length of time"},
        {"bad manager",
         {"check", "service", "-s", "local", "-S", "web", "--service-manager", "upstart"},
         "local cannot be judged: --service-manager: \"upstart\" is not a service manager"},
        {"a wrong value in the configuration",
         {"check", "service", "-s", "local", "-S", "web", "--config", bad},
         "local cannot be judged: the configuration "},
        {"a configuration that others may change",
         {"check", "service", "-s", "local", "-S", "web", "--config", box / "foreign.json"},
         "local cannot be judged: the configuration "},
        {"no such file",
         {"check", "service", "-s", "local", "-S", "web", "--config", "/nonexistent/x"},
         "local cannot be judged: the configuration \"/nonexistent/x\" does not exist"},
        {"no such store",
         {"check", "service", "-s", "local", "-S", "web", "--store", "/nonexistent/x"},
         "local cannot be judged: the store file"},
        {"no such token file",
         {"check", "service", "-s", "local", "-S", "web", "--token-file", "/nonexistent/x"},
         "local cannot be judged: the token file \"/nonexistent/x\" does not exist"},
        {"an environment of nothing",
         {"check", "service", "-s", "local", "-S", "web", "--environment", "a/b"},
         "local cannot be judged: the environment \"a/b\" contains '/'"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        caller here{box};
        if (each.name == "no such token file") here.environment["POWERCONSUL_STORE"] = "";
        const auto result = here(each.args);
        CHECK(result.status == 1);
        CHECK(result.err.empty());
        CHECK(member(result, "state") == "unknown");
        CHECK(member(result, "expects") == "null");
        CHECK(member(result, "clustered") == "null");
        CHECK(member(result, "code") == "1");
        CHECK(member(result, "reason").substr(0, each.reason.size()) == each.reason);
        // Whatever is wrong with the rest, what is asked for an unknown state counts.
        auto args = each.args;
        args.emplace_back("--unknown-exit=3");
        const auto by_option = here(args);
        CHECK(by_option.status == 3);
        CHECK(member(by_option, "code") == "3");
        here.environment["POWERCONSUL_UNKNOWN_EXIT"] = "2";
        CHECK(here(each.args).status == 2);
        CHECK(here(args).status == 3);
    }
    const auto wrong = caller{box}({"check", "service", "-s", "local", "-S", "web", "--config", bad});
    CHECK(member(wrong, "reason").find("\"soon\" is not a length of time") != std::string::npos);
    const auto text = caller{box}({"check", "service", "-s", "local", "--format", "text"});
    CHECK(text.out.substr(0, 32) == "UNKNOWN - local cannot be judged");
}

TEST_CASE("an unknown key is a note of a check, and an error of every other command but watch") {
    const sandbox box;
    box.write("config.json", R"({"colour": 1, "consul": {"httpAdr": "x"}, "maxAge": "0"})");
    box.write("store.json", store_text(pair_document, "passing"));
    box.init_script("local", 3);
    const caller run{box};
    const std::string path = box / "config.json";
    const auto noted = run.check();
    CHECK(noted.status == 0);
    CHECK(noted.err.empty());
    CHECK(noted.out == run.check().out);
    CHECK(member(noted, "reason")
              .ends_with("; keys of the configuration " + path +
                         " that are not known are ignored: colour and consul.httpAdr; see powerconsul lint " + path));
    const auto text = run.check({"--format", "text"});
    CHECK(text.out.ends_with("see powerconsul lint " + path + ")\n"));
    for (const std::vector<std::string>& args : {std::vector<std::string>{"role", "-S", "web"},
                                                 {"doctor"},
                                                 {"incidents"},
                                                 {"acl-policy", "-S", "web"},
                                                 {"trigger", "critical", "-s", R"({"ServiceName": "web"})"},
                                                 {"lint", "-S", "web"}}) {
        CAPTURE(args[0]);
        const auto refused = run(args);
        CHECK(refused.status == 78);
        CHECK(refused.err.starts_with("powerconsul: the configuration " + path +
                                      ": colour at line 1, column 12 (byte 11): this key is not known; did you mean "));
    }
    std::string many = R"({"timeout": "7s")";
    for (int i = 0; i < 200; ++i) many += ", \"x" + std::to_string(i) + "\": 0";
    box.write("config.json", many + '}');
    CHECK(member(run.check(), "reason").find("are ignored: x0, x1, x2, x3, x4 and others; see") != std::string::npos);
}

TEST_CASE("other commands say what is wrong on standard error only") {
    const sandbox box;
    box.write("config.json", "{}");
    box.write("store.json", store_text("\"\"", "passing"));
    struct row {
        std::string_view name;
        std::vector<std::string> args;
        int status;
    };
    const row rows[] = {
        {"no command", {}, 64},
        {"no service", {"role"}, 64},
        {"bad value", {"role", "-S", "web", "--max-age", "-1"}, 64},
        {"bad configuration", {"role", "-S", "web", "--config", "/nonexistent"}, 78},
        {"a directory for a configuration", {"role", "-S", "web", "--config", "/"}, 78},
        {"a device for a configuration", {"role", "-S", "web", "--config", "/dev/zero"}, 78},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto result = caller{box}(each.args);
        CHECK(result.status == each.status);
        CHECK(result.out.empty());
        CHECK(result.err.substr(0, 13) == "powerconsul: ");
        CHECK(result.err.find('\n') == result.err.size() - 1);
    }
    // An unknown role is an answer with its reason, and the exit code says of which kind it is.
    const auto empty = caller{box}({"role", "-S", "web"});
    CHECK(empty.status == 65);
    CHECK(empty.out.find("the value is empty; delete the key to make the service standalone") != std::string::npos);
}

TEST_CASE("a host name without an environment reads no other key") {
    const sandbox box;
    box.write("config.json", "{}");
    box.write(
        "store.json",
        R"({"datacenters": {"hq": {"kv": {"cluster/web": {"mode": "all-active"}, "cluster//web": {"mode": "all-active"}}}}})");
    for (const std::string host : {"", "-web1", ".example.org"}) {
        CAPTURE(host);
        const auto result = caller{box, {}, host}({"role", "-S", "web"});
        CHECK(result.status == 78);
        CHECK(result.err == "powerconsul: the environment \"\" is empty; set clusterKey or --environment\n");
        CHECK(caller{box, {}, host}.check().status == 1);
    }
    const auto two = caller{box}({"role", "-S", "web", "--environment", "a/b"});
    CHECK(two.status == 78);
}

TEST_CASE("an unknown verdict exits as asked") {
    const sandbox box;
    box.write("config.json", "{}");
    box.write("store.json", store_text("{}", "passing"));
    box.init_script("local", 0);
    for (const std::string code : {"1", "2", "3"}) {
        const auto result = caller{box}.check({"--unknown-exit", code});
        CHECK(std::to_string(result.status) == code);
        CHECK(member(result, "state") == "unknown");
    }
    CHECK(caller{box}.check({"--unknown-exit", "0"}).status == 1);
}

TEST_CASE("the last known role is kept in the state directory, for its time") {
    const sandbox box;
    box.write("config.json", "{}");
    box.write("store.json", store_text(pair_document, "passing"));
    box.init_script("local", 3);
    const caller run{box};
    CHECK(member(run.check(), "basis") == "fresh");
    let_agent_be_asked(box);
    // A loopback port on which nothing listens is a Consul agent that is down.
    caller away{box, {{"POWERCONSUL_HTTP_ADDR", "127.0.0.1:1"}, {"POWERCONSUL_STORE", ""}}};
    const auto cached = away.check();
    CHECK(cached.status == 0);
    CHECK(member(cached, "basis") == "cached");
    CHECK(member(cached, "role") == "secondary");
    const auto never = away.check({"--max-age", "0"});
    CHECK(never.status == 1);
    CHECK(member(never, "state") == "unknown");
    CHECK(member(never, "role") == "unknown");
    REQUIRE(chmod((box / "state").c_str(), 0777) == 0);
    CHECK(member(away.check(), "role") == "unknown");
    const auto note = run({"role", "-S", "web"});
    CHECK(note.status == 0);
    CHECK(note.out.find("can be written by others; chmod it to 0700") != std::string::npos);
}

TEST_CASE("help and version go to standard output") {
    const sandbox box;
    const auto help = caller{box}({"--help"});
    CHECK(help.status == 0);
    CHECK(help.err.empty());
    CHECK(help.out.find("check service") != std::string::npos);
    const auto version = caller{box}({"--version"});
    CHECK(version.out.starts_with("powerconsul " POWERCONSUL_VERSION "\nbuilt by "));
    CHECK(version.out.find("\nwith cpp-httplib ") != std::string::npos);
}

TEST_CASE("a static program goes on in another one before it does anything that takes libraries") {
    const sandbox box;
    box.write("none.json", "{}");
    box.write("store.json", R"({"agent": {"node": "web1"}, "datacenters": {"dc1": {}}})");
    struct row {
        std::vector<std::string> args;
        std::string needs;  ///< empty if it goes on in no other program
        std::string address{"http://127.0.0.1:1"};
    };
    const row rows[] = {
        {{"--version"}, {}},
        {{"watch", "--help"}, {}},
        {{"role", "-S", "web"}, {}},
        {{"role", "-S", "web"}, {}, "http://localhost:1"},
        {{"role", "-S", "web"}, {}, "unix:///no/such/socket"},
        {{"role", "-S", "web"}, "looking up the name \"consul.invalid\"", "http://consul.invalid:1"},
        {{"role", "-S", "web", "--store", box / "store.json"}, {}, "http://consul.invalid:1"},
        {{"watch", "critical"}, "powerconsul watch"},
        {{"watch", "critical", "--detach"}, "powerconsul watch"},
        {{"trigger", "critical", "-s", "-"}, "powerconsul trigger"},
        {{"incidents"}, "powerconsul incidents"},
        {{"incidents", "ack", "web"}, "powerconsul incidents"},
        {{"pause", "web"}, "powerconsul pause"},
        {{"resume", "web"}, "powerconsul resume"},
        {{"doctor"}, "powerconsul doctor"},
        {{"check", "process", "--name", "web", "-S", "web"}, {}},
        {{"check", "process", "--name", "web", "-S", "web"}, "looking up the name \"a\"", "a:1"},
        {{"check", "process", "--name", "web", "--user", "root", "-S", "web"}, "looking up a user"},
        {{"check", "process", "--name", "web", "--procstr", "web 1", "-S", "web"}, "looking up a user"},
        {{"check", "process", "--name", "web", "--procstr", "web1", "-S", "web"}, {}},
        {{"check", "process", "--name", "web", "--procre", "web1", "-S", "web"}, "looking up a user"},
        {{"check", "crontab", "-u", "root", "-S", "web"}, "looking up a user"},
        {{"check", "crontab", "-n", "-C web", "-S", "web"}, {}},
        {{"check", "tcp", "-p", "1", "-S", "web"}, {}},
        {{"check", "tcp", "-p", "1", "--host", "db.invalid", "-S", "web"}, "looking up the name \"db.invalid\""},
        {{"check", "http", "http://127.0.0.1:1/", "-S", "web"}, {}},
        {{"check", "http", "http://web.invalid/", "-S", "web"}, "looking up the name \"web.invalid\""},
        {{"check", "service", "-s", "web", "-S", "web", "--service-manager", "systemd"}, "asking systemd"},
        {{"check", "servicegroup", "-s", "web", "-S", "web", "--service-manager", "systemd"}, "asking systemd"},
        {{"check", "service", "-s", "web", "-S", "web", "--service-manager", "sysv"}, {}},
    };
    for (const row& each : rows) {
        std::string shown;
        for (const auto& word : each.args) shown += word + ' ';
        CAPTURE(shown);
        tool::cli::invocation call{{{{"CONSUL_HTTP_ADDR", each.address}, {"HOME", box / "home"}}, "web1"}, each.args};
        call.environment["POWERCONSUL_CONFIG"] = box / "none.json";
        call.environment["POWERCONSUL_STATE_DIR"] = box / "state";
        std::string needs;
        call.with_libraries = [&](const std::string& what) {
            needs = what;
            return powerconsul::error{powerconsul::errc::configuration, "no such program"};
        };
        call.input = [](std::size_t, powerconsul::milliseconds) -> powerconsul::result<std::string> {
            FAIL("standard input was read");
            return std::string{};
        };
        std::string out;
        std::string err;
        static_cast<void>(tool::cli::run(call, out, err));
        CHECK(needs == each.needs);
        // systemctl can be asked instead.
        const bool told = (out + err).find("no such program") != std::string::npos;
        CHECK(told == (!needs.empty() && needs != "asking systemd"));
    }
}

TEST_CASE("a program without TLS goes on in one that has it, before it reads anything") {
    const sandbox box;
    int asked = 0;
    const auto ask = [&](std::vector<std::string> args, const std::string& address) {
        box.write("none.json", "{}");
        tool::cli::invocation call{{{{"CONSUL_HTTP_ADDR", address}}, "web1"}, std::move(args)};
        call.environment["POWERCONSUL_CONFIG"] = box / "none.json";
        call.environment["POWERCONSUL_STATE_DIR"] = box / "state";
        call.with_tls = [&] {
            ++asked;
            return powerconsul::error{powerconsul::errc::configuration, "no such program"};
        };
        call.input = [](std::size_t, powerconsul::milliseconds) -> powerconsul::result<std::string> {
            FAIL("standard input was read");
            return std::string{};
        };
        std::string out;
        std::string err;
        const int status = tool::cli::run(call, out, err);
        return tool::ended{status, out, err};
    };
    const auto role = ask({"role", "-S", "web"}, "https://127.0.0.1:1");
    CHECK(role.status == 78);
    CHECK(role.err == "powerconsul: no such program\n");
    CHECK(ask({"check", "service", "-S", "web"}, "https://127.0.0.1:1").status == 1);
    CHECK(ask({"watch", "critical"}, "https://127.0.0.1:1").status == 78);
    CHECK(asked == 3);
    CHECK(ask({"role", "-S", "web"}, "http://127.0.0.1:1").out.find("connection refused") != std::string::npos);
    CHECK(asked == 3);
}
