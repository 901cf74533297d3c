#include <string>
#include <string_view>
#include <vector>

#include "caller.hpp"

using tool::caller;
using tool::sandbox;
using words = std::vector<std::string>;

namespace {

const words two_hours{"--for", "2h", "--why", "kernel update"};

auto with(words call, const words& more) -> words {
    call.insert(call.end(), more.begin(), more.end());
    return call;
}

}  // namespace

TEST_CASE("a node is paused, and resumed, in its own state directory") {
    const sandbox box;
    box.write("config.json", "{}");
    box.write("store.json", "{}");
    REQUIRE(mkdir((box / "state").c_str(), 0700) == 0);
    const caller run{box, {{"SUDO_USER", "anna"}}};
    const auto paused = run(with({"pause", "web", "--here"}, two_hours));
    CHECK(paused.status == 0);
    CHECK(paused.err.empty());
    CHECK(paused.out.starts_with("web on this node is paused until "));
    CHECK(paused.out.ends_with(" (2 h left) by anna@production-web2: kernel update (" + box / "state/pause-web.json" +
                               ")\n"));
    const auto again = run({"pause", "-S", "web", "--here", "--for", "1d", "--why", "longer"});
    CHECK(again.out.find("(24 h left)") != std::string::npos);
    CHECK(again.out.find("\nbefore, it was paused until ") != std::string::npos);
    CHECK(again.out.ends_with("by anna@production-web2: kernel update\n"));

    const auto role = run({"role", "web"});
    CHECK(role.out.find("stopped") != std::string::npos);
    CHECK(role.out.find("by anna@production-web2: longer (") != std::string::npos);
    CHECK(run({"role", "mail"}).out.find("stopped") == std::string::npos);

    const auto resumed = run({"resume", "web", "--here"});
    CHECK(resumed.status == 0);
    CHECK(resumed.out.starts_with("web on this node is no longer paused; before, it was paused until "));
    CHECK(run({"resume", "web", "--here"}).out == "there is no pause of web on this node\n");
    CHECK(run({"role", "web"}).out.find("stopped") == std::string::npos);
}

TEST_CASE("all services of a node are paused, and resume tells which are paused singly") {
    const sandbox box;
    box.write("config.json", "{}");
    REQUIRE(mkdir((box / "state").c_str(), 0700) == 0);
    const caller run{box};
    CHECK(run(with({"pause", "--here"}, two_hours)).out.starts_with("all services on this node are paused until "));
    CHECK(run(with({"pause", "we b", "--here"}, two_hours)).status == 0);
    box.write("stop", "until=9999-01-01T00:00Z");
    const auto resumed = run({"resume", "--here"});
    CHECK(resumed.status == 0);
    CHECK(resumed.out.starts_with("all services on this node are no longer paused; before, it was paused until "));
    CHECK(resumed.out.find("\nstill held: we b, paused until ") != std::string::npos);
    CHECK(resumed.out.find("\nstill held: the stop file ") != std::string::npos);
    box.write("stop", "until=2000-01-01T00:00Z");
    CHECK(run({"resume", "--here"}).out.find("the stop file ") == std::string::npos);
}

TEST_CASE("a pause that is over is replaced without a word") {
    const sandbox box;
    box.write("config.json", "{}");
    REQUIRE(mkdir((box / "state").c_str(), 0700) == 0);
    box.write(
        "state/pause-web.json",
        R"({"until":"2024-01-01T01:00:00.000Z","since":"2024-01-01T00:00:00.000Z","by":"anna@web1","why":"old"})");
    const caller run{box};
    CHECK(run(with({"pause", "web", "--here"}, two_hours)).out.find("before") == std::string::npos);
}

TEST_CASE("in Consul's KV store is only what a Consul agent keeps") {
    const sandbox box;
    box.write("config.json", "{}");
    box.write("store.json", "{}");
    const caller run{box};
    for (const auto& call : {with({"pause", "web"}, two_hours), words{"resume", "web"}}) {
        const auto refused = run(call);
        CHECK(refused.status == 64);
        CHECK(refused.out.empty());
        CHECK(refused.err.find("is only read; pause with a Consul agent instead of --store, or with --here") !=
              std::string::npos);
    }
}

TEST_CASE("the policy of those who pause needs no Consul") {
    const sandbox box;
    box.write("config.json", "{}");
    const caller run{box};
    const auto policy = run({"acl-policy", "web", "--for", "pause"});
    CHECK(policy.status == 0);
    CHECK(policy.out.find("key \"pauses/production/web\" { policy = \"write\" }") != std::string::npos);
    CHECK(policy.out.find("key \"pauses/production/_all\" { policy = \"write\" }") != std::string::npos);
    CHECK(policy.out.find("read") == std::string::npos);
}
