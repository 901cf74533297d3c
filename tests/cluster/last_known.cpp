#include <powerconsul/cluster/last_known.hpp>

#include <powerconsul/decision/rules.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <powerconsul/testing/memory_files.hpp>

using namespace powerconsul;
using testing::memory_files;

namespace {

constexpr std::string_view line =
    R"({"key":"cluster/production/web","node":"production-web1","role":"secondary","expects":"stopped",)"
    R"("document":18446744073709551615,"boot":"4a11","at":1704067200123,"actives":"serving","since":99,)"
    R"("since_wall":1704067200000,"absent":{"production-web2":7},"silent":{"n/c@5":8},"homes":{"production-web1":"hq"}})"
    "\n";

auto replaced(std::string_view from, std::string_view to) -> std::string {
    std::string text{line};
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a record is written and read back, whatever it says") {
    const last_known known{.key = "cluster/production/web",
                           .node = "production-web1",
                           .own = role::secondary,
                           .expects = expectation::stopped,
                           .document = UINT64_MAX,
                           .boot = "4a11",
                           .at = {1704067200123},
                           .standby = {actives::serving,
                                       {99},
                                       {1704067200000},
                                       {{"production-web2", 7}},
                                       {{"n/c@5", 8}},
                                       {{"production-web1", "hq"}}}};
    CHECK(json::encode_last_known(known) == line);
    for (const role own : {role::unknown, role::standalone, role::primary, role::secondary}) {
        for (const expectation expects :
             {expectation::unknown, expectation::stopped, expectation::running, expectation::either}) {
            last_known each = known;
            each.own = own;
            each.expects = expects;
            each.document = own == role::standalone ? 0 : 7;
            each.node = "a \"b\" \xC3\xA9";
            each.datacenter = "hq";
            each.cluster = "http://consul.example.org:8500";
            each.standby.absent = {{each.node, 0}, {"b", 1}};
            const auto back = json::decode_last_known(json::encode_last_known(each));
            const bool possible = own == role::secondary || expects == expectation::running ||
                                  (own == role::unknown && expects != expectation::either);

            REQUIRE(back.has_value() == possible);
            if (!possible) continue;
            CHECK(back->says_the_same_as(each));
            CHECK(back->at == each.at);
        }
    }
}

TEST_CASE("a damaged record is refused, never half read") {
    struct row {
        std::string_view name;
        std::string text;
    };
    const row rows[] = {
        {"empty", ""},
        {"cut off", std::string{line.substr(0, line.size() / 2)}},
        {"without its bytes", std::string(line.size(), '\0')},
        {"without its line end", std::string{line.substr(0, line.size() - 1)}},
        {"no object", "[]\n"},
        {"no role", replaced(R"("role":"secondary",)", "")},
        {"a role that there is not", replaced("secondary", "tertiary")},
        {"an expectation that there is not", replaced("stopped", "stop")},
        {"role is no text", replaced(R"("secondary")", "2")},
        {"document is no number", replaced("18446744073709551615", "\"1\"")},
        {"document is negative", replaced("18446744073709551615", "-1")},
        {"document is too large", replaced("18446744073709551615", "18446744073709551616")},
        {"time is no whole number", replaced("1704067200123", "1.5")},
        {"time is too large", replaced("1704067200123", "9223372036854775808")},
        {"time is negative", replaced("1704067200123", "-1")},
        {"a standalone with a document",
         replaced(R"("secondary","expects":"stopped")", R"("standalone","expects":"running")")},
        {"two roles", replaced(R"("role":)", R"("role":"primary","role":)")},
        {"something else beside", replaced(R"("role":)", R"("x":1,"role":)")},
        {"actives that there are not", replaced(R"("actives":"serving")", R"("actives":"some")")},
        {"absent is no object", replaced(R"({"production-web2":7})", "7")},
        {"absent since a text", replaced(R"(:7})", R"(:"7"})")},
        {"absent since long before", replaced(R"(:7})", R"(:-7})")},
        {"a home that is no text", replaced(R"(:"hq"})", R"(:1})")},
        {"two homes", replaced(R"(:"hq"})", R"(:"hq","production-web1":"hq"})")},
        {"a standalone that waits", replaced(R"("secondary","expects":"stopped")", R"("primary","expects":"either")")},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto read = json::decode_last_known(each.text);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == errc::bad_data);
    }
}

TEST_CASE("two records say the same if they differ in nothing but the time") {
    const last_known known{.key = "k",
                           .node = "n",
                           .own = role::primary,
                           .expects = expectation::running,
                           .document = 7,
                           .boot = "b",
                           .at = {1}};
    const auto differs = [&](auto change) {
        last_known other = known;
        change(other);
        return !known.says_the_same_as(other);
    };
    CHECK_FALSE(differs([](last_known& other) { other.at = {2}; }));
    CHECK(differs([](last_known& other) { other.key = "x"; }));
    CHECK(differs([](last_known& other) { other.node = "x"; }));
    CHECK(differs([](last_known& other) { other.own = role::secondary; }));
    CHECK(differs([](last_known& other) { other.expects = expectation::stopped; }));
    CHECK(differs([](last_known& other) { other.document = 8; }));
    CHECK(differs([](last_known& other) { other.datacenter = "x"; }));
    CHECK(differs([](last_known& other) { other.cluster = "x"; }));
    CHECK(differs([](last_known& other) { other.boot = "x"; }));
    CHECK(differs([](last_known& other) { other.standby.seen = actives::serving; }));
    CHECK(differs([](last_known& other) { other.standby.since = {1}; }));
    CHECK(differs([](last_known& other) { other.standby.absent["x"] = 1; }));
    CHECK(differs([](last_known& other) { other.standby.homes["x"] = "hq"; }));
    last_known moved = known;
    moved.own = role::secondary;
    CHECK(moved.is_about_the_same(known));
    moved.datacenter = "dr";
    CHECK_FALSE(moved.is_about_the_same(known));
}

// --- keeping records ---

namespace {

template <typename Files>
struct state_directory {
    Files& files;
    std::string path;

    auto load(std::string_view service) { return load_last_known(files, path, service); }
    auto save(std::string_view service, const last_known& known) {
        return save_last_known(files, path, service, known);
    }
};

}  // namespace

namespace {

const last_known kept{.key = "cluster/production/web",
                      .node = "production-web1",
                      .own = role::primary,
                      .expects = expectation::running,
                      .document = 7,
                      .at = {1000}};

struct trust_row {
    std::string_view name;
    file_status status;
    std::string_view refused;  ///< behind `the state directory <path> `; empty: taken
};
constexpr trust_row trust[] = {
    {"own, 0700", {file_kind::directory, 0700, 1000, 1000, 0, 0}, ""},
    {"own, 0755", {file_kind::directory, 0755, 1000, 1000, 0, 0}, ""},
    {"root's", {file_kind::directory, 0755, 0, 0, 0, 0}, ""},
    {"symbolic link", {file_kind::symlink, 0777, 1000, 1000, 0, 0}, "is a symbolic link; use the real one"},
    {"a file", {file_kind::regular, 0600, 1000, 1000, 0, 0}, "is not a directory"},
    {"a device", {file_kind::other, 0600, 1000, 1000, 0, 0}, "is not a directory"},
    {"another user's", {file_kind::directory, 0700, 1001, 1000, 0, 0}, "belongs to another user; chown it to this one"},
    {"others may write", {file_kind::directory, 0702, 1000, 1000, 0, 0}, "can be written by others; chmod it to 0700"},
    {"the group may write",
     {file_kind::directory, 0720, 1000, 1000, 0, 0},
     "can be written by others; chmod it to 0700"},
    {"root's, all may write", {file_kind::directory, 01777, 0, 0, 0, 0}, "can be written by others; chmod it to 0700"},
};

}  // namespace

TEST_CASE("a record is kept per service, whatever the service is called") {
    memory_files files;
    state_directory<memory_files> state{files, "/state"};
    for (const std::string_view service : {"web", "my web", "caf\xC3\xA9", "a/../b", "..", ""}) {
        CAPTURE(service);
        CHECK_FALSE(*state.load(service));
        last_known each = kept;
        each.node = std::string{service};
        REQUIRE(state.save(service, each));
        const auto read = state.load(service);
        REQUIRE(read);
        REQUIRE(*read);
        CHECK((*read)->says_the_same_as(each));
    }
    CHECK(files.get("/state/last-known/web.json") == json::encode_last_known([] {
              last_known each = kept;
              each.node = "web";
              return each;
          }()));
    CHECK(files.get("/state/last-known/a%2F..%2Fb.json"));
}

TEST_CASE("a directory that others may change is neither read nor written") {
    for (const std::string_view untrusted : {"/state", "/state/last-known"}) {
        for (const auto& each : trust) {
            CAPTURE(untrusted);
            CAPTURE(each.name);
            memory_files files;
            state_directory<memory_files> state{files, "/state"};
            REQUIRE(state.save("web", kept));
            const auto before = files.get("/state/last-known/web.json");
            files.put(std::string{untrusted}, "", each.status);
            const auto loaded = state.load("web");
            last_known changed = kept;
            changed.own = role::secondary;
            const auto saved = state.save("web", changed);
            CHECK(loaded.has_value() == each.refused.empty());
            CHECK(saved.has_value() == each.refused.empty());
            if (each.refused.empty()) continue;
            CHECK(files.get("/state/last-known/web.json") == before);
            CHECK(loaded.error().code == errc::denied);
            CHECK(saved.error() == loaded.error());
            CHECK(loaded.error().message ==
                  "the state directory " + std::string{untrusted} + ' ' + std::string{each.refused});
        }
    }
}

TEST_CASE("what cannot be read or written is an error, never an empty record") {
    memory_files files;
    state_directory<memory_files> state{files, "/state"};
    REQUIRE(state.save("web", kept));
    files.put("/state/last-known/web.json", "{}");
    CHECK(state.load("web").error() ==
          error{errc::bad_data, "/state/last-known/web.json: the record of the last known role is damaged"});
    files.put("/state/last-known/web.json", std::string(8 * 1024 * 1024 + 1, ' '));
    CHECK(state.load("web").error().code == errc::bad_data);
    files.put("/state/last-known/web.json", "", {file_kind::symlink, 0777, 1000, 1000, 0, 0});
    CHECK(state.load("web").error().code == errc::bad_data);
    const std::string text = json::encode_last_known(kept);
    for (const auto& [status, trusted] : {std::pair{file_status{file_kind::regular, 0600, 0, 0, 0, 0}, true},
                                          {file_status{file_kind::regular, 0600, files.user() + 1, 0, 0, 0}, false},
                                          {file_status{file_kind::regular, 0620, files.user(), 0, 0, 0}, false},
                                          {file_status{file_kind::regular, 0602, files.user(), 0, 0, 0}, false}}) {
        files.put("/state/last-known/web.json", text, status);
        const auto loaded = state.load("web");
        REQUIRE(loaded.has_value() == trusted);
        if (!trusted) CHECK(loaded.error().code == errc::denied);
    }
    REQUIRE(state.save("web", kept));
    CHECK(state.load("web"));
    files.fail_on("/state/last-known/web.json", {errc::io, "input/output error"});
    CHECK(state.load("web").error() == error{errc::io, "input/output error"});
    CHECK(state.save("web", kept).error() == error{errc::io, "input/output error"});
    files.fail_on("/state", {errc::denied, "permission denied"});
    CHECK(state.load("web").error().code == errc::denied);
    CHECK(state.save("web", kept).error().code == errc::denied);

    state_directory<memory_files> nowhere{files, "/no/such/parent"};
    CHECK_FALSE(*nowhere.load("web"));
    CHECK(nowhere.save("web", kept).error().code == errc::io);
}

namespace {

/// Files of which one cannot be told whether it is there.
struct unsure_files : memory_files {
    auto status(const std::string& path) -> result<std::optional<file_status>> {
        if (path == unsure) return fail(errc::io, "input/output error");
        return memory_files::status(path);
    }
    std::string unsure{};
};

}  // namespace

TEST_CASE("whether there is a record must be kept, and without its directory there is none") {
    unsure_files files;
    state_directory<unsure_files> state{files, "/state"};
    const std::string path = "/state/last-known/web.json";
    files.unsure = path;
    CHECK_FALSE(*state.load("web"));
    REQUIRE(state.save("web", kept));
    CHECK(state.load("web").error() == error{errc::io, "input/output error"});
}

TEST_CASE("a record has at most 8 MiB") {
    memory_files files;
    state_directory<memory_files> state{files, "/state"};
    REQUIRE(state.save("web", kept));
    const std::string path = "/state/last-known/web.json";
    files.put(path, std::string(8 * 1024 * 1024, ' '));
    CHECK(state.load("web").error().message.starts_with(path + ": not valid JSON"));
    files.put(path, std::string(8 * 1024 * 1024 + 1, ' '));
    CHECK(state.load("web").error().message == quoted(path) + " is larger than the 8388608 bytes allowed");
}
