#include <powerconsul/lint/bootstrap.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>

#include <powerconsul/testing/memory_files.hpp>

using namespace powerconsul;

TEST_CASE("two configurations say the same, however they are spelt") {
    struct row {
        std::string_view one;
        std::string_view other;
        bool same;
    };
    constexpr row rows[] = {
        {"{}", "{ }\n", true},
        {R"({"clusterKey": "a", "triggerKey": "b"})", R"({"triggerKey":"b","clusterKey":"a"})", true},
        {R"({"subVars": {"@A": "1", "B": "2"}})", R"({"subVars": {"B": "2", "A": "1"}})", true},
        {R"({"noopTriggers": ["a", "b"]})", R"({"noopTriggers": ["b", "a"]})", true},
        {R"({"clusterKey": "a"})", R"({"clusterKey": "b"})", false},
        {R"({"subVars": {"A": "1"}})", R"({"subVars": {"A": "2"}})", false},
        {R"({"noopTriggers": ["a"]})", "{}", false},
    };
    for (const auto& each : rows) {
        CAPTURE(each.one);
        const auto one = json::decode_settings(each.one);
        const auto other = json::decode_settings(each.other);
        REQUIRE((one && other));
        CHECK(say_the_same(*one, *other) == each.same);
        CHECK(say_the_same(*other, *one) == each.same);
    }
}

TEST_CASE("a configuration is written unless another one is there") {
    constexpr std::string_view text = R"({"clusterKey": "a"})";
    struct row {
        std::string_view name;
        std::optional<std::string> there;
        bool may_replace;
        std::optional<bool> written;  ///< nothing: it fails
        std::string_view after;
    };
    const row rows[] = {
        {"nothing there", std::nullopt, false, true, text},
        {"the same", std::string{text}, false, false, text},
        {"the same, spelt otherwise", "{ \"clusterKey\":\"a\" }\n", false, false, "{ \"clusterKey\":\"a\" }\n"},
        {"the same, and it may be replaced", "{\"clusterKey\":\"a\"}", true, false, "{\"clusterKey\":\"a\"}"},
        {"another one", "{}", false, std::nullopt, "{}"},
        {"another one, and it may be replaced", "{}", true, true, text},
        {"no configuration", "x", false, std::nullopt, "x"},
        {"no configuration, and it may be replaced", "x", true, true, text},
        {"an empty file", "", false, std::nullopt, ""},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        testing::memory_files files;
        files.put("/etc/other", "");
        if (each.there) files.put("/etc/powerconsul.conf", *each.there);
        const auto written = place_configuration(files, "/etc/powerconsul.conf", text, each.may_replace);
        CHECK(written.has_value() == each.written.has_value());
        if (written) {
            CHECK(*written == each.written);
        } else {
            CHECK(written.error() ==
                  error{errc::failed, "\"/etc/powerconsul.conf\" holds something else, which stays as it is", "force"});
        }
        CHECK(files.get("/etc/powerconsul.conf") == each.after);
        if (written && *written) CHECK((*files.status("/etc/powerconsul.conf"))->mode == 0644);
    }
}

TEST_CASE("what cannot be written, and what cannot be looked at, is told") {
    testing::memory_files files;
    const auto place = [&](std::string_view text, bool may_replace = false) {
        return place_configuration(files, "/etc/powerconsul.conf", text, may_replace);
    };
    CHECK(place("{").error().code == errc::configuration);
    CHECK(place(R"({"clusterkey": "a"})").error().code == errc::configuration);
    CHECK(place("{}").error().code == errc::io);  // there is no /etc
    files.put("/etc/powerconsul.conf", "{}", {.kind = file_kind::other});
    CHECK(place("{}").error().code == errc::failed);
    files.fail_on("/etc/powerconsul.conf", {errc::denied, "not yours"});
    CHECK(place("{}").error() == error{errc::denied, "not yours"});
    CHECK(place("{}", true).error() == error{errc::denied, "not yours"});
}
