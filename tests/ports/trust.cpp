#include <powerconsul/ports/trust.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>

using namespace powerconsul;

namespace {

constexpr std::string_view none{};
constexpr std::string_view foreign = foreign_owner;
constexpr std::string_view changed_by_others = "can be changed by others";
constexpr std::string_view read_by_others = "can be read by others";
constexpr std::string_view changed_by_group = "can be changed by its group";
constexpr std::string_view read_by_group = "can be read by a group that is not the reader's";

constexpr auto file(std::uint32_t uid, std::uint32_t gid, std::uint32_t mode) -> file_status {
    return {file_kind::regular, mode, uid, gid, 0, 0, 0, 1};
}

struct exposure_row {
    std::string_view name;
    std::uint32_t uid;
    std::uint32_t gid;
    std::uint32_t mode;
    std::string_view how;
};

// The reader is user 100 of group 200.
constexpr exposure_row rows[] = {
    {"its own, for it alone", 100, 200, 0600, none},
    {"only readable", 100, 200, 0400, none},
    {"root's", 0, 0, 0600, none},
    {"root's, for the reader's group", 0, 200, 0640, none},
    {"root's, for root's group", 0, 0, 0640, none},
    {"its own, for its own group", 100, 200, 0640, none},
    {"its own, of another group that may do nothing", 100, 300, 0600, none},
    {"a group that may only execute", 100, 300, 0610, none},
    {"set-user-id", 100, 200, 04600, none},
    {"no right at all", 100, 200, 0, none},
    {"readable by all", 100, 200, 0644, read_by_others},
    {"root's, readable by all", 0, 0, 0644, read_by_others},
    {"executable by others", 100, 200, 0601, read_by_others},
    {"writable by others", 100, 200, 0602, changed_by_others},
    {"everything for everybody", 100, 200, 0777, changed_by_others},
    {"writable by its own group", 100, 200, 0660, changed_by_group},
    {"writable by root's group", 0, 0, 0620, changed_by_group},
    {"readable by another group", 100, 300, 0640, read_by_group},
    {"root's, readable by another group", 0, 300, 0640, read_by_group},
    {"somebody else's", 101, 200, 0600, foreign},
    {"somebody else's, readable by all", 101, 200, 0644, foreign},
};

constexpr auto all_as_expected() -> bool {
    for (const auto& each : rows) {
        if (exposure_of(file(each.uid, each.gid, each.mode), {100, 200}) != each.how) return false;
    }
    return true;
}
static_assert(all_as_expected());

}  // namespace

TEST_CASE("a secret is for root and its reader, and at most for their group to read") {
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(exposure_of(file(each.uid, each.gid, each.mode), {100, 200}) == each.how);
    }
    CHECK(exposure_of(file(100, 200, 0600), {0, 0}) == foreign);
}

TEST_CASE("what decides is changed by root and its reader alone") {
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const bool only_read = each.how == read_by_others || each.how == read_by_group;
        CHECK(changeable_by(file(each.uid, each.gid, each.mode), {100, 200}) == (only_read ? none : each.how));
    }
    CHECK(changeable_by(file(100, 200, 0664), {100, 200}) == changed_by_group);
    CHECK(changeable_by(file(100, 200, 0600), {0, 0}) == foreign);
}

TEST_CASE("modes are written as chmod takes them") {
    CHECK(octal_mode(0644) == "0644");
    CHECK(octal_mode(0) == "0000");
    CHECK(octal_mode(04755) == "4755");
    CHECK(octal_mode(07777) == "7777");
}

TEST_CASE("the error names owner, mode and what to type") {
    const auto message = [](std::string_view how, const file_status& status) {
        const result<void> refused = exposed_file(how, "the token file", "/etc/token", status, "bob", "consul");
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == errc::configuration);
        return refused.error().message;
    };
    CHECK(message(read_by_others, file(101, 1, 0644)) ==
          R"(the token file "/etc/token" (owner bob, mode 0644) can be read by others; chmod 0600 /etc/token)");
    CHECK(message(changed_by_others, file(101, 1, 0606)) ==
          R"(the token file "/etc/token" (owner bob, mode 0606) can be changed by others; chmod 0600 /etc/token)");
    CHECK(message(changed_by_group, file(101, 1, 0660)) ==
          R"(the token file "/etc/token" (owner bob, mode 0660) can be changed by its group; chmod 0600 /etc/token)");
    CHECK(
        message(read_by_group, file(101, 1, 0640)) ==
        R"(the token file "/etc/token" (owner bob, mode 0640) can be read by a group that is not the reader's; chmod 0600 /etc/token)");
    CHECK(
        message(foreign, file(101, 1, 0600)) ==
        R"(the token file "/etc/token" (owner bob, mode 0600) belongs to neither root nor consul, who reads it; chown consul /etc/token && chmod 0600 /etc/token)");
    const result<void> refused =
        exposed_file(changed_by_group, "the configuration", "/etc/x", file(0, 0, 0664), "root", "root", "go-w");
    CHECK(refused.error().message ==
          R"(the configuration "/etc/x" (owner root, mode 0664) can be changed by its group; chmod go-w /etc/x)");
}
