#include <powerconsul/heal/pause_change.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/consul/client.hpp>
#include <powerconsul/store/store.hpp>
#include <powerconsul/testing/fakes.hpp>

using namespace powerconsul;
using testing::fake_transport;
using testing::manual_clock;
using testing::memory_files;
using text = std::optional<std::string>;

namespace {

constexpr std::string_view key = "pauses/production/web";

/// A store to which others write between two requests.
struct busy_store {
    store held{{.node = "production-web1", .datacenter = "hq"}};
    std::function<void(store&)> before_change{};

    auto perform(const http_request& request) -> result<http_response> {
        if (request.method != http_method::get && before_change) before_change(held);
        return held.perform(request);
    }
};

template <typename Transport>
auto change(Transport& transport, const text& value, const std::string& datacenter = {}) -> result<text> {
    manual_clock time;
    consul_client<Transport&, manual_clock&> consul{transport, time, seconds(10)};
    return change_pause(consul, std::string{key}, datacenter, value);
}

auto value_of(store& consul) -> text {
    manual_clock time;
    consul_client<store&, manual_clock&> asked{consul, time, seconds(10)};
    const auto entry = asked.read_key(key, "");
    REQUIRE(entry);
    return *entry ? text{(*entry)->value} : text{};
}

auto file(std::uint32_t user, std::uint32_t mode, file_kind kind = file_kind::regular) -> file_status {
    return {.kind = kind, .mode = mode, .uid = user, .gid = user};
}

}  // namespace

TEST_CASE("a pause is put in Consul and removed, and what was there is told") {
    busy_store consul;
    CHECK(change(consul, {}).value_or("x") == text{});
    CHECK(change(consul, "first").value_or("x") == text{});
    CHECK(value_of(consul.held) == "first");
    CHECK(change(consul, "second").value_or("x") == "first");
    CHECK(change(consul, "second").value_or("x") == "second");
    CHECK(change(consul, {}).value_or("x") == "second");
    CHECK(value_of(consul.held) == text{});
    consul.held.put("dr", key, "there");
    CHECK(change(consul, {}, "dr").value_or("x") == "there");
}

TEST_CASE("what others write at the same time is told, not lost unseen") {
    for (const text& value : {text{"mine"}, text{}}) {
        busy_store consul;
        consul.held.put("hq", key, "old");
        int others = 0;
        consul.before_change = [&](store& held) {
            if (++others == 1) held.put("hq", key, "theirs");
        };
        CHECK(change(consul, value).value_or("x") == "theirs");
        CHECK(value_of(consul.held) == value);
        CHECK(others == 2);
    }
    // Consul says of a key that somebody else has removed that it is removed.
    busy_store consul;
    consul.held.put("hq", key, "old");
    consul.before_change = [](store& held) { held.erase("hq", key); };
    CHECK(change(consul, {}).value_or("x") == "old");
    CHECK(value_of(consul.held) == text{});

    busy_store busier;
    int count = 0;
    busier.before_change = [&](store& held) { held.put("hq", key, std::to_string(++count)); };
    const auto failed = change(busier, "mine");
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == errc::failed);
    CHECK(failed.error().message == "pauses/production/web is changed by others all the time; try again");
    CHECK(count == 5);
}

TEST_CASE("a right that is missing is named, with the one that comes next") {
    fake_transport reader;
    reader.on(http_method::get, "/v1/kv/pauses/production/web?consistent", 403, "Permission denied");
    const auto unread = change(reader, "x");
    REQUIRE_FALSE(unread);
    CHECK(unread.error().code == errc::denied);
    CHECK(unread.error().message ==
          "Consul answers 403 to /v1/kv/pauses/production/web: Permission denied; the token needs key:read on "
          "pauses/production/web, and key:write on it to pause and resume");
    fake_transport writer;
    writer.on(http_method::get, "/v1/kv/pauses/production/web?consistent",
              http_response{404, "", {{"X-Consul-Index", "7"}}});
    writer.on(http_method::put, "/v1/kv/pauses/production/web?cas=0", 403, "Permission denied");
    const auto unwritten = change(writer, "x");
    REQUIRE_FALSE(unwritten);
    CHECK(unwritten.error().code == errc::denied);
    CHECK(unwritten.error().message ==
          "Consul answers 403 to /v1/kv/pauses/production/web: Permission denied; the token needs key:write on "
          "pauses/production/web");
}

TEST_CASE("a node's own pause stands in its state directory, which is never made for it") {
    memory_files files;
    const auto change_here = [&](const text& value) { return change_local_pause(files, "/state", "web", value); };
    CHECK(change_here({}).value_or("x") == text{});
    const auto missing = change_here("first");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == errc::failed);
    CHECK(missing.error().message ==
          "there is no state directory /state; make it for the user that Consul's agent runs as, as in install -d -m "
          "0700 -o consul /state");
    CHECK_FALSE(files.get("/state"));

    files.put("/state", {}, file(1000, 0700, file_kind::directory));
    CHECK(change_here("first").value_or("x") == text{});
    CHECK(files.get("/state/pause-web.json") == "first");
    const auto status = files.status("/state/pause-web.json");
    CHECK((*status)->mode == 0644);
    CHECK(change_here("second").value_or("x") == "first");
    CHECK(change_here({}).value_or("x") == "second");
    CHECK(change_here({}).value_or("x") == text{});

    // Root may, whoever owns it; nobody else may.
    files.user_id = 0;
    CHECK(change_here("by root").value_or("x") == text{});
    files.user_id = 1001;
    const auto foreign = change_here("by another");
    REQUIRE_FALSE(foreign);
    CHECK(foreign.error().code == errc::denied);
    CHECK(files.get("/state/pause-web.json") == "by root");
    files.user_id = 1000;
    files.fail_on("/state/pause-web.json", {errc::io, "the disk is full"});
    CHECK(change_here("x").error().message == "the disk is full");
}
