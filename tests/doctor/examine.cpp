#include <powerconsul/doctor/examine.hpp>

#include <powerconsul/doctor/python_examination.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "scene.hpp"

using namespace powerconsul;

namespace {

using words = std::vector<std::string>;

auto examine(scene& at, const std::string& only = {}) -> std::vector<finding> {
    return examination{at.here, at.machine, at.reader, at.chosen}(only);
}

auto find(const std::vector<finding>& all, std::string_view point) -> finding {
    const auto at = std::ranges::find(all, point, &finding::point);
    REQUIRE(at != all.end());
    return *at;
}

/// The points that are not well, each with its state.
auto faults(const std::vector<finding>& all) -> words {
    words found;
    for (const auto& each : all) {
        if (each.state != condition::ok) found.push_back(each.point + ' ' + std::string{to_string(each.state)});
    }
    return found;
}

static_assert(doctor_front<scene::front, scene::host>);
static_assert(!doctor_front<scene::front, testing::fake_host<>>);

}  // namespace

TEST_CASE("a sound node: every question in its order") {
    scene sound;
    const auto all = examine(sound);
    words points;
    for (const auto& each : all) points.push_back(each.point);
    CHECK(points == words{"agent",           "connection",   "leader",         "node name",       "role web",
                          "rights web",      "service web",  "agent's files",  "script checks",   "check output",
                          "agent's restart", "checks",       "watch critical", "watch warning",   "incidents",
                          "state directory", "agent's user", "agent's unit",   "service manager", "plugin",
                          "clock",           "stop file",    "noop file"});
    CHECK(faults(all) == words{});
    CHECK(find(all, "role web").what.starts_with("primary, expects running: "));
    CHECK(find(all, "agent's files").what == "1 file of process 100");
    CHECK(find(all, "connection").what == "without a token, so that the agent's default token counts");
    CHECK_FALSE(sound.here.files.get("/state/last-known/web.json").has_value());
}

TEST_CASE("an agent that does not answer leaves open what it would have said") {
    scene away;
    away.answers.clear();
    away.answers.insert_or_assign("/", fail(errc::unavailable, "connection refused"));
    const auto all = examine(away);
    CHECK(faults(all) == words{"agent error", "leader unknown", "node name unknown", "services unknown",
                               "script checks unknown", "agent's restart unknown"});
    CHECK(find(all, "leader").what == "it was not asked, since the agent does not answer");
    CHECK(find(all, "watch critical").state == condition::ok);  // the files are there
}

TEST_CASE("an agent that may not be asked is named from its checks") {
    scene shy;
    shy.answer("/v1/agent/self", 403, "Permission denied");
    const auto all = examine(shy);
    CHECK(faults(all) ==
          words{"agent unknown", "node name unknown", "script checks unknown", "agent's restart unknown"});
    CHECK(find(all, "agent").what ==
          "Consul answers 403 to /v1/agent/self: Permission denied; the token needs agent:read on production-web1");
}

TEST_CASE("the leader") {
    scene at;
    struct row {
        int status;
        std::string_view body;
        condition state;
        std::string_view what;
    };
    constexpr row rows[] = {
        {200, "\"10.0.0.1:8300\"", condition::ok, "the servers' leader is 10.0.0.1:8300"},
        {200, "\"\"", condition::error, "the servers have no leader, so that no role can be read"},
        {200, "{}", condition::unknown, "the answer to /v1/status/leader is 200 and not a name"},
        {404, "", condition::unknown, "the answer to /v1/status/leader is 404"},
        {500, "No known Consul servers", condition::error,
         "Consul answers 500 to /v1/status/leader: No known Consul servers"},
    };
    for (const auto& row : rows) {
        at.answer("/v1/status/leader", row.status, std::string{row.body});
        const auto leader = find(examine(at), "leader");
        CHECK(leader.state == row.state);
        CHECK(leader.what == row.what);
    }
}

TEST_CASE("the connection") {
    config::configuration chosen;
    const auto of = [&](std::string_view address, bool verify = true, std::string_view token = {}) {
        chosen.consul.address = address;
        chosen.consul.verify = verify;
        chosen.consul.token = token;
        chosen.token_source = "--token-file";
        return judge_connection(chosen);
    };
    CHECK(of("http://127.0.0.1:8500").state == condition::ok);
    CHECK(of("unix:///run/consul.sock", true, "t").what == "with the token of --token-file");
    CHECK(of("https://consul:8501").what.starts_with("with TLS, "));
    CHECK(of("https://consul:8501", false).state == condition::warning);
    CHECK(of("http://consul:8500").what.find("without TLS") != std::string::npos);
    CHECK(of("ftp://consul").state == condition::error);
    chosen.store = "/store.json";
    CHECK(of("ftp://consul").what == "a store file answers: /store.json");
}

TEST_CASE("services: those of the checks, of what a check printed, and the one that is asked for") {
    scene at;
    at.answer("/v1/agent/checks", 200, R"({"web-role": {"Node": "production-web1", "CheckID": "web-role",
        "Status": "passing", "Output": ""}, "a": {"Node": "production-web1", "CheckID": "a", "Status": "passing",
        "Output": "{\"expects\": 1, \"clustered\": 1}", "ServiceID": "db", "ServiceName": "db"}})");
    const auto roles = [](const std::vector<finding>& all) {
        words names;
        for (const auto& each : all) {
            if (each.point.starts_with("role ")) names.push_back(each.point.substr(5));
        }
        return names;
    };
    CHECK(roles(examine(at)) == words{"db", "web"});
    CHECK(roles(examine(at, "web")) == words{"web"});
    CHECK(roles(examine(at, "other")) == words{"other"});
    at.here.files.put("/web.json", "{}");
    at.answer("/v1/agent/checks", 200, "{}");
    CHECK(find(examine(at), "services").state == condition::warning);
}

TEST_CASE("roles and rights") {
    scene at;
    at.store.put("hq", "cluster/production/web", "{");
    const auto broken = find(examine(at), "role web");
    CHECK(broken.state == condition::error);
    CHECK(broken.remedy == "see powerconsul lint -S web");
    at.answer("/v1/kv/", 403, "Permission denied");
    CHECK(find(examine(at), "role web").remedy == "see the line below");
    at.answer("/v1/kv/", 500, "No cluster leader");
    CHECK(find(examine(at), "role web").state == condition::unknown);
    at.chosen.roles.who.environment = "a/b";
    CHECK(find(examine(at), "role web").remedy == "set clusterKey or --environment");
}

TEST_CASE("a service whose key not every Consul takes") {
    scene at;
    const auto has_key = [&](const std::string& service) {
        return std::ranges::any_of(examine(at, service),
                                   [](const auto& each) { return each.point.starts_with("key "); });
    };
    CHECK_FALSE(has_key("web"));
    REQUIRE(has_key("shop.example.com"));
    const auto found = find(examine(at, "shop.example.com"), "key shop.example.com");
    CHECK(found.state == condition::warning);
    CHECK(found.what ==
          "some versions of Consul do not take the key \"cluster/production/shop.example.com\": it ends in "
          ".com, as the name of a file");
    CHECK(found.remedy == "give the service another name");
}

TEST_CASE("a right that is missing") {
    scene at;
    at.answer("/v1/internal/acl/authorize", 200, R"([{"Resource": "key", "Segment": "x", "Access": "read"}])");
    CHECK(find(examine(at), "rights web").state == condition::unknown);  // not what was asked
    at.answer("/v1/internal/acl/authorize", 403, "Permission denied");
    CHECK(find(examine(at), "rights web").state == condition::unknown);
    at.answer("/v1/internal/acl/authorize", 403, "Endpoint is blocked by agent configuration");
    CHECK(find(examine(at), "rights web").state == condition::warning);
    CHECK(find(examine(at), "rights web").what.starts_with("this agent does not answer /v1/internal/acl/authorize"));
    at.chosen.store = "/store.json";
    CHECK(find(examine(at), "rights web").what == "a store file asks for none");
}

TEST_CASE("another name than the agent's") {
    scene at;
    at.chosen.roles.who.node = "b";
    const auto all = examine(at);
    CHECK(find(all, "node name").what == "b here, but production-web1 in Consul; the document of web lists b");
    CHECK(find(all, "node name").state == condition::warning);
    CHECK(find(all, "role web").what.starts_with("secondary, "));
}

TEST_CASE("the agent's checks and handlers") {
    scene at;
    at.here.files.put("/web.json", scene::agent_file("powerconsul", R"(, "invalid", "1")"));
    CHECK(faults(examine(at)) == words{"check web-role error"});
    at.here.files.put("/web.json", scene::agent_file("powerconsul", "", "8s"));
    CHECK(faults(examine(at)) == words{"check web-role warning"});
    at.here.files.put("/web.json", scene::agent_file("/no/powerconsul"));
    CHECK(faults(examine(at)) ==
          words{"services warning", "check web-role error", "watch critical warning", "watch warning warning"});
    at.here.files.put("/web.json", scene::agent_file("powerconsul"));
    at.answer("/v1/agent/checks", 200, "{}");
    CHECK(find(examine(at), "check web-role").what == "the agent does not have this check of its files");
    CHECK(find(examine(at), "check web-role").remedy == "consul reload");
    at.answer("/v1/agent/self", 200, R"({"Config": {"Datacenter": "hq", "NodeName": "production-web1"}, "DebugConfig": {
        "DataDir": "/var/consul", "EnableLocalScriptChecks": false}})");
    CHECK(find(examine(at), "check web-role").remedy.starts_with("restart the agent"));
    CHECK(find(examine(at), "script checks").remedy == "restart the agent: a reload does not enable them");
}

TEST_CASE("files that cannot be read leave open what stands in them") {
    scene at;
    at.here.files.put("/web.json", "{");
    CHECK(faults(examine(at)) == words{"services warning", "agent's files unknown", "checks unknown",
                                       "watch critical unknown", "watch warning unknown", "plugin unknown",
                                       "noop file unknown"});
    at.here.files.erase("/proc/100");
    CHECK(find(examine(at), "agent's files").what == "no process of this machine that can be seen is a Consul agent");
}

TEST_CASE("the checks of an agent whose files are not there are those of its start") {
    scene at;
    at.here.files.erase("/proc/100");
    at.answer("/v1/agent/self", 200, R"({"Config": {"Datacenter": "hq", "NodeName": "production-web1"}, "DebugConfig": {
        "EnableLocalScriptChecks": true, "Checks": [], "Services": [{"Name": "web", "Check": {"CheckID": "web-role", "Status": "passing",
        "ScriptArgs": ["powerconsul", "check", "service", "consulservice", "web"], "Timeout": "9s"}}]}})");
    const auto all = examine(at);
    CHECK(find(all, "checks").what == "powerconsul is called by web-role");
    CHECK(find(all, "agent's files").what.ends_with("; its checks are shown as they were when it started"));
    // Who that agent is is not known: this user writes the directory.
    CHECK(find(all, "state directory").state == condition::error);
}

TEST_CASE("a member that stands twice in the agent's files") {
    scene at;
    at.here.files.put("/web.json", R"({"enable_local_script_checks": true, "enable_local_script_checks": true})");
    const auto found = find(examine(at), "agent's files");
    CHECK(found.state == condition::error);
    CHECK(found.what.starts_with(R"(/web.json: "enable_local_script_checks" stands twice)"));
}

TEST_CASE("a restart of the agent matters where a standby waits") {
    scene at;
    at.answer("/v1/agent/self", 200, R"({"Config": {"Datacenter": "hq", "NodeName": "production-web1"}, "DebugConfig": {
        "EnableLocalScriptChecks": true, "LeaveOnTerm": true, "SkipLeaveOnInt": false}})");
    CHECK(find(examine(at), "agent's restart").what.ends_with("standbys of web after 60 s"));
    at.chosen.roles.wait.absent_after = {};
    CHECK(find(examine(at), "agent's restart").state == condition::error);
    at.store.put("hq", "cluster/production/web", R"({"mode": "all-active"})");
    CHECK(find(examine(at), "agent's restart").state == condition::ok);
}

TEST_CASE("an active that does not count as serving though its own check is well") {
    const auto set = [](scene& at, std::string_view node, std::string_view id, store_status status,
                        std::string output = "") { REQUIRE(at.store.set_check("hq", node, id, status, output)); };
    const std::string ours = "OK - apache2 is running, primary expects running";
    scene active;
    const auto both = [](scene& at) {
        const auto all = examine(at);
        const auto found = std::ranges::find(all, "both run web", &finding::point);
        return found == all.end() ? finding{} : *found;
    };
    set(active, "production-web1", "service:web", store_status::passing, ours);
    CHECK(both(active).point.empty());
    set(active, "production-web1", "disk-full", store_status::critical, "full");
    CHECK(both(active).what ==
          "the active production-web1 counts as not serving, since disk-full is critical, while its own check is well: "
          "a standby takes over, and it is to run on both");
    set(active, "production-web1", "_node_maintenance", store_status::critical, "by hand");
    CHECK(both(active).what.find("_node_maintenance is in maintenance") != std::string::npos);
    active.store.put("hq", "cluster/production/web", R"({"mode": "all-active"})");
    CHECK(both(active).point.empty());

    scene standby;
    standby.store.put("hq", "cluster/production/web",
                      R"({"active_nodes": ["production-web2"], "standby_nodes": ["production-web1"]})");
    standby.store.add("hq", {.service = "web", .node = "production-web2"});
    set(standby, "production-web2", "service:web", store_status::passing, ours);
    CHECK(both(standby).point.empty());
    set(standby, "production-web2", "serfHealth", store_status::critical, "");
    CHECK(both(standby).what.starts_with("the active production-web2 counts as not serving, since serfHealth is "));
    CHECK(both(standby).what.ends_with("this node takes over, and it is to run on both"));
}

TEST_CASE("where services are registered") {
    scene at;
    CHECK(find(examine(at), "service web").what == "it is registered on this node");
    CHECK(find(examine(at, "webb"), "service webb").what == "no service webb is registered on this node, but web is");
    at.answer("/v1/health/service/web", 200, "[]");
    CHECK(find(examine(at), "service web").what.starts_with("the agent has it, but Consul's catalog does not"));
    at.answer("/v1/agent/services", 200, "{}");
    CHECK(find(examine(at), "service web").remedy == "consul reload");
    at.answer("/v1/internal/acl/authorize", 200,
              R"([{"Resource": "service", "Segment": "web", "Access": "read", "Allow": false},
                  {"Resource": "node", "Segment": "production-web1", "Access": "read", "Allow": true}])");
    CHECK(find(examine(at), "service web").what.ends_with("the token needs service:read on web"));
    scene alone;
    CHECK(alone.store.erase("hq", "cluster/production/web"));
    CHECK(find(examine(alone), "service web").state == condition::ok);
    alone.store.add("hq", {.service = "web", .node = "production-web2"});
    CHECK(find(examine(alone), "service web").state == condition::warning);
}

TEST_CASE("a check that asks with a token of its own is judged with it, and the row says so") {
    scene at;
    at.here.files.put(
        "/more.json",
        R"({"check": {"id": "second", "status": "passing", "timeout": "9s", "args": ["TOKEN=theirs", "powerconsul",
        "check", "service", "consulservice", "web"]}})");
    using namespace std::string_view_literals;
    at.here.files.put("/proc/100/cmdline", "consul\0agent\0-config-file=/web.json\0-config-file=/more.json\0"sv);
    at.answer("/v1/agent/checks", 200, R"({"web-role": {"Node": "production-web1", "CheckID": "web-role"},
        "second": {"Node": "production-web1", "CheckID": "second"}})");
    const auto all = examine(at);
    CHECK(find(all, "role web").what.find("asked as") == std::string::npos);
    CHECK(find(all, "role web by second")
              .what.ends_with("(asked as check second does, at http://127.0.0.1:8500 with the token of TOKEN)"));
    CHECK(find(all, "rights web by second").what.find("with the token of TOKEN") != std::string::npos);
    CHECK(std::ranges::count(all, "service web", &finding::point) == 1);
    CHECK(faults(all) == words{});
    at.chosen.consul.token = "theirs";
    at.chosen.token_source = "--token-file";
    CHECK(find(examine(at), "role web").what.find("asked as") == std::string::npos);
}

TEST_CASE("what the agent's user keeps of incidents, and what a check printed last") {
    scene at;
    at.here.files.put("/proc/100", "", scene::directory(33));
    at.here.files.put("/state", "", scene::directory(33));
    at.here.files.put("/state/journal", "", scene::directory(33));
    const std::string key = "triggers/production/web/primary/critical";
    const journal kept{.service = "web",
                       .incidents = {{.id = "web-1",
                                      .node = "production-web1",
                                      .opened = seconds(1),
                                      .checks = {{.check_id = "web-role", .bad = true}},
                                      .attempts = 5,
                                      .given_up = true,
                                      .key = key}},
                       .ledgers = {{.key = key, .attempts = 5, .given_up = true}}};
    at.here.files.put("/state/journal/web.json", json::encode_journal(kept), {file_kind::regular, 0600, 33, 33, 0, 0});
    at.answer("/v1/agent/checks", 200, R"({"web-role": {"Node": "production-web1", "CheckID": "web-role",
        "ServiceID": "web", "ServiceName": "web", "Status": "warning", "Output":
        "{\"type\":\"service\",\"expects\":true,\"clustered\":true,\"state\":\"unknown\",\"code\":1,\"reason\":\"who knows\"}"}})");
    const auto all = examine(at);
    CHECK(faults(all) == words{"check web-role warning", "incidents web error"});
    CHECK(find(all, "check web-role").what.ends_with("who knows"));
    CHECK(find(all, "incidents web").what == "given up after 5 attempts: " + key + " is not run any more");
    CHECK(faults(examine(at, "other")) == words{"service other warning", "checks warning"});
}

TEST_CASE("a watch sees what its own token, the agent's environment or its default token may read") {
    using namespace std::string_view_literals;
    scene at;
    const auto allows = [](bool allowed) {
        const std::string flag = allowed ? "true" : "false";
        return http_response{200,
                             R"([{"Resource": "node", "Segment": "production-web1", "Access": "read", "Allow": true},
                {"Resource": "service", "Segment": "web", "Access": "read", "Allow": )" +
                                 flag + "}]",
                             {}};
    };
    at.chosen.consul.token = "doctor's";
    at.answers_to[""] = allows(false);
    at.answers_to["theirs"] = allows(true);
    at.answers_to["refused"] = {403, "ACL not found", {}};
    const auto all = examine(at);
    CHECK(faults(all) == words{"watch critical error", "watch warning error"});
    CHECK(find(all, "watch critical").what ==
          "/web.json calls powerconsul watch critical, but with the agent's default token, or none Consul hides checks "
          "from it: it needs service:read on web");
    at.here.files.put("/proc/100/environ", "A=b\0CONSUL_HTTP_TOKEN=theirs\0"sv);
    CHECK(faults(examine(at)) == words{});
    const auto watch = [&](const std::string& more) {
        at.here.files.put("/web.json", R"({"enable_local_script_checks": true, "service": {"name": "web", "check": {
            "id": "web-role", "status": "passing", "timeout": "9s", "args": ["powerconsul", "check", "service", "consulservice", "web"]}},
            "watches": [{"type": "checks", "args": ["powerconsul", "watch", "critical"], )" +
                                           more + "}]}");
        return find(examine(at), "watch critical");
    };
    CHECK(watch(R"("token": "theirs")").state == condition::ok);
    CHECK(watch(R"("datacenter": "hq")").state == condition::ok);
    CHECK(watch(R"("datacenter": "dr")").what.ends_with("but it looks at datacenter dr, not at this node's"));
    const auto refused = watch(R"("token": "refused")");
    CHECK(refused.state == condition::error);
    CHECK(refused.what.find("with the watch's token Consul shows it nothing: ") != std::string::npos);
    at.here.files.erase("/proc/100/environ");
    CHECK(watch(R"("token": "theirs")").state == condition::ok);
    CHECK(watch(R"("datacenter": "hq")").state == condition::error);
    at.answers_to[""] = {500, "No cluster leader", {}};
    CHECK(watch(R"("datacenter": "hq")").state == condition::ok);
}

TEST_CASE("files of the agent's own file systems") {
    scene at;
    at.chosen.watch.stop_file = "/tmp/stop";
    at.chosen.state_dir = "/tmp/state";
    at.here.files.put("/tmp/state", "", scene::directory(0));
    at.here.files.put("/web.json", scene::agent_file("powerconsul", R"(, "noopfile", "/tmp/noop")"));
    at.here.files.put("/proc/self/mountinfo", "1 0 8:1 / / rw\n");
    CHECK(faults(examine(at)) == words{});
    at.here.files.put("/proc/100/mountinfo", "1 0 8:1 / / rw\n2 1 0:9 / /tmp rw\n");
    CHECK(faults(examine(at)) == words{"state directory warning", "stop file warning", "noop file warning"});
}

TEST_CASE("the stop file") {
    scene at;
    at.here.files.put("/stop", "");
    const auto found = find(examine(at), "stop file");
    CHECK(found.state == condition::warning);
    CHECK(found.what == "the stop file \"/stop\" is there; delete it to let triggers run");
}

TEST_CASE("a pause that holds is told, with the services that it holds") {
    scene at;
    at.store.add("hq", {.service = "mail", .node = "production-web1"});
    const auto pauses = [&] {
        words told;
        for (const auto& each : examine(at)) {
            if (each.point.starts_with("pause")) told.push_back(std::string{to_string(each.state)} + ' ' + each.what);
        }
        return told;
    };
    CHECK(pauses() == words{});
    const milliseconds now = at.here.clock.wall();
    const auto paused_by = [&](const std::string& who) {
        return json::encode_pause({now + seconds(7200), now - seconds(60), who, "kernel update"});
    };
    const std::string until = "paused until " + clock_text(now + seconds(7200)) + " (2 h left) by ";
    at.store.put("hq", "pauses/production/mail", paused_by("anna@a"));  // which nobody checks here
    CHECK(pauses() == words{});
    at.store.put("hq", "pauses/production/_all", paused_by("bert@b"));
    CHECK(pauses() == words{"warning web: " + until + "bert@b: kernel update (pauses/production/_all)"});
    at.here.files.put("/state/pause-web.json", paused_by("root@c"), {.kind = file_kind::regular, .mode = 0644});
    CHECK(pauses() == words{"warning web: " + until + "bert@b: kernel update (pauses/production/_all)",
                            "warning web: " + until + "root@c: kernel update (/state/pause-web.json)"});
    at.here.files.erase("/state/pause-web.json");
    at.store.put("hq", "pauses/production/_all",
                 json::encode_pause({now, now - seconds(60), "anna@a", "kernel update"}));
    CHECK(pauses() == words{});
    // A right that is missing is told with the others, and only there.
    at.answer("/v1/kv/pauses/", 403, "Permission denied");
    CHECK(pauses() == words{});
    at.answer("/v1/kv/pauses/", 500, "No cluster leader");
    const auto unknown = pauses();
    REQUIRE(unknown.size() == 1);
    CHECK(unknown.front().starts_with("unknown it cannot be told whether it is paused: "));
}

TEST_CASE("what is left of python-powerconsul") {
    const auto left_over = [](scene& at, const std::string& only = {}) {
        return python_examination{at.here, at.machine, at.reader, at.chosen}(only);
    };
    scene at;
    at.answer("/v1/query", 200, "[]");
    at.answer("/v1/agent/services", 200, R"({"web": {"ID": "web", "Service": "web", "Tags": ["production"]}})");
    words points;
    for (const auto& each : left_over(at)) points.push_back(each.point);
    CHECK(faults(left_over(at)) == words{});
    CHECK(points ==
          words{"agent", "program", "option -U", "configuration", "init scripts", "prepared queries", "tag nodns"});

    // The service is known from the original's own call, and its document lists datacenters.
    at.chosen.state_dir = "/tmp/state";
    at.here.files.put("/tmp/state", "", scene::directory(0));
    using namespace std::string_view_literals;
    at.machine.executable = {"/opt/bin/powerconsul"};
    at.machine.programs["/opt/bin/powerconsul"] = "#!/usr/bin/env python2";
    at.here.files.put("/proc/100/environ", "HOME=/root\0PATH=/bin:/opt/bin\0"sv);
    at.here.files.put("/web.json", scene::agent_file("powerconsul", R"(, "-S", "web", "-U")"));
    at.here.files.put("/root/.powerconsul.conf", "{}");
    at.here.files.put("/etc/init.d", "", scene::directory(0));
    at.here.files.put("/etc/init.d/mine", "import powerconsul");
    at.store.put("hq", "cluster/production/web", R"({"active_datacenter": "hq", "standby_datacenter": "dr"})");
    at.store.put("hq", "triggers/web/primary/critical", "true");
    at.store.put("hq", "triggers/web/notes", "true");
    at.store.add("hq", {.service = "web", .node = "hq-web1"});
    at.answer("/v1/query", 200, R"([{"Name": "shop", "Service": {"Tags": ["!nodns"]}}])");
    at.answer("/v1/agent/services", 200, R"({"web": {"ID": "web", "Service": "web", "Tags": ["nodns"]}})");
    const auto all = left_over(at);
    CHECK(faults(all) == words{"program warning", "option -U warning", "configuration warning", "init scripts warning",
                               "prepared queries warning", "tag nodns warning", "serviceFilter web warning"});
    CHECK(find(all, "program").what ==
          "/opt/bin/powerconsul is python-powerconsul, and is called by check web-role, watch critical and watch "
          "warning");
    CHECK(find(all, "triggers web").what == "triggers/web/primary/critical is read where it stands");
    CHECK(find(all, "serviceFilter web").what.starts_with("hq-web1 does not count"));
    CHECK(find(left_over(at, "other"), "triggers other").state == condition::ok);
    CHECK_MESSAGE(!at.here.files.get(at.chosen.state_dir + "/last-known/web.json"), "who looks writes nothing");

    at.here.files.put("/web.json",
                      R"({"watches": [{"type": "checks", "args": ["/opt/bin/powerconsul", "watch", "x"]}]})");
    CHECK(find(left_over(at), "program").what.ends_with("is called by a watch"));

    at.answer("/v1/query", 403, "Permission denied");
    CHECK(find(left_over(at, "web"), "prepared queries").what.find("the token needs query:read") != std::string::npos);
    at.answer("/v1/query", 200, "no JSON");
    CHECK(find(left_over(at), "prepared queries").state == condition::unknown);
    at.answer("/v1/health/service/web", 500, "No cluster leader");
    CHECK(find(left_over(at, "web"), "serviceFilter web").state == condition::unknown);
    at.answer("/v1/kv/triggers/", 500, "No cluster leader");
    CHECK(find(left_over(at, "web"), "triggers web").state == condition::unknown);
    at.here.files.put("/web.json", "{");
    CHECK(find(left_over(at), "program").state == condition::unknown);
    at.answers.clear();
    at.answers.insert_or_assign("/", fail(errc::unavailable, "connection refused"));
    CHECK(find(left_over(at), "services").state == condition::unknown);
}
