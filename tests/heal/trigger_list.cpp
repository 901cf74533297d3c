#include <powerconsul/heal/trigger_list.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/testing/fakes.hpp>

using namespace powerconsul;
using testing::fake_transport;
using testing::manual_clock;

namespace {

const std::string all = "/v1/kv/triggers/?keys&stale";

struct asked_list {
    fake_transport consul{};
    manual_clock time{};
    trigger_list list{};

    auto has(const std::string& key, const std::string& base = "triggers", std::string_view datacenter = {})
        -> std::optional<bool> {
        return list.has(key, base, datacenter, consul, time, seconds(5));
    }
    void few() {
        for (std::size_t i = 0; i < trigger_list::few; ++i) CHECK(has("triggers/a") == std::nullopt);
    }
    [[nodiscard]] auto targets() const -> std::vector<std::string> {
        std::vector<std::string> found;
        for (const auto& each : consul.requests()) found.push_back(each.target);
        return found;
    }
};

}  // namespace

TEST_CASE("after a few questions within a second all keys are listed, once") {
    asked_list at;
    at.consul.on(http_method::get, all, 200, R"(["triggers/a","triggers/b/c"])");
    at.few();
    CHECK(at.targets().empty());
    for (int i = 0; i < 1000; ++i) {
        CHECK(at.has("triggers/a") == true);
        CHECK(at.has("triggers/b") == false);
    }
    CHECK(at.targets() == std::vector{all});
    // A second later it is as at first.
    at.time.advance({999});
    CHECK(at.has("triggers/b/c") == true);
    at.time.advance({1});
    at.few();
    CHECK(at.targets().size() == 1);
    CHECK(at.has("triggers/a") == true);
    CHECK(at.targets().size() == 2);
}

TEST_CASE("another base or datacenter has a list of its own") {
    asked_list at;
    at.consul.on(http_method::get, all, 200, R"(["triggers/a"])");
    at.consul.on(http_method::get, "/v1/kv/my/own/?keys&stale&dc=dr%20%2F", 200, R"(["my/own/a"])");
    at.few();
    CHECK(at.has("triggers/a") == true);
    for (std::size_t i = 0; i < trigger_list::few; ++i) CHECK(at.has("my/own/a", "my/own", "dr /") == std::nullopt);
    CHECK(at.has("my/own/a", "my/own", "dr /") == true);
    CHECK(at.has("triggers/a") == std::nullopt);
}

TEST_CASE("what is no list of these keys tells nothing") {
    struct row {
        std::string_view name;
        result<http_response> answer;
        std::optional<bool> expected;
    };
    const row rows[] = {
        {"there is none", http_response{404, "", {{"X-Consul-Index", "7"}}}, false},
        {"a proxy's 404", http_response{404, "not found", {}}, std::nullopt},
        {"denied", http_response{403, "Permission denied", {}}, std::nullopt},
        {"no answer", fail(errc::unavailable, "gone"), std::nullopt},
        {"no leader", http_response{500, "No cluster leader", {}}, std::nullopt},
        {"no JSON", http_response{200, "<html>", {}}, std::nullopt},
        {"cut off", http_response{200, R"(["triggers/b")", {}}, std::nullopt},
        {"no list", http_response{200, R"({"triggers/b": 1})", {}}, std::nullopt},
        {"no texts", http_response{200, "[1]", {}}, std::nullopt},
        {"another's keys", http_response{200, R"(["triggers/b","cluster/a"])", {}}, std::nullopt},
        {"others", http_response{200, R"(["triggers/b"])", {}}, false},
        {"this one", http_response{200, R"(["triggers/a"])", {}}, true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        asked_list at;
        at.consul.on(http_method::get, all, row.answer);
        at.few();
        CHECK(at.has("triggers/a") == row.expected);
        CHECK(at.has("triggers/a") == row.expected);
        CHECK(at.targets().size() == 1);
    }
}
