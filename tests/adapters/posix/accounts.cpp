#include <powerconsul/adapters/posix/accounts.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>

#include <sys/resource.h>
#include <unistd.h>

using namespace powerconsul;

namespace {

/// Name and number of each line of /etc/passwd or /etc/group. The first of several entries with one name counts.
auto entries_of(const char* path) -> std::map<std::string, std::uint32_t> {
    std::map<std::string, std::uint32_t> entries;
    std::ifstream file{path};
    for (std::string line; std::getline(file, line);) {
        std::istringstream fields{line};
        std::string name;
        std::string password;
        std::uint32_t number{};
        std::getline(fields, name, ':');
        std::getline(fields, password, ':');
        if (fields >> number) entries.try_emplace(name, number);
    }
    return entries;
}

/// A number that no entry has.
auto unused(const std::map<std::string, std::uint32_t>& entries) -> std::uint32_t {
    std::uint32_t number = 3'000'000'000;
    for (const auto& [name, taken] : entries) {
        if (taken >= number && taken < 4'000'000'000) number = taken + 1;
    }
    return number;
}

}  // namespace

// Comes first: once the libraries of the name service are loaded, one of them may know root without any file.
TEST_CASE("a lookup that could not be made is an error, not an account that does not exist") {
    const posix_accounts accounts;
    // clang's sanitizer opens a pipe to check an object of this type, unless it has seen it before.
    REQUIRE(std::generic_category().message(EMFILE) == "Too many open files");
    rlimit usual{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &usual) == 0);
    const rlimit none{0, usual.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    const auto user = accounts.user_id("root");
    const auto group = accounts.group_name(0);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &usual) == 0);
    REQUIRE_FALSE(user.has_value());
    CHECK(user.error() == error{errc::io, "cannot look up the user \"root\": Too many open files"});
    REQUIRE_FALSE(group.has_value());
    CHECK(group.error() == error{errc::io, "cannot look up the group 0: Too many open files"});
    CHECK(accounts.user_id("root").has_value());
}

TEST_CASE("root is 0 and 0 is root") {
    const posix_accounts accounts;
    CHECK(*accounts.user_id("root") == std::optional<std::uint32_t>{0});
    CHECK(*accounts.group_id("root") == std::optional<std::uint32_t>{0});
    CHECK(*accounts.user_name(0) == std::optional<std::string>{"root"});
    CHECK(*accounts.group_name(0) == std::optional<std::string>{"root"});
    const auto root = accounts.login("root");
    REQUIRE((root && *root));
    CHECK(**root == posix_account{0, 0, "root", "/root", (*root)->shell});
    CHECK((*root)->shell.starts_with('/'));
    CHECK(*accounts.login(0) == *root);
    CHECK_FALSE(accounts.login(54321)->has_value());
    CHECK_FALSE(accounts.login("")->has_value());
}

TEST_CASE("every user and group of the machine's own files is found, by name and by number") {
    const posix_accounts accounts;
    const auto users = entries_of("/etc/passwd");
    const auto groups = entries_of("/etc/group");
    REQUIRE(users.size() > 1);
    REQUIRE(groups.size() > 1);
    for (const auto& entry : users) {
        CAPTURE(entry.first);
        CHECK(*accounts.user_id(entry.first) == std::optional{entry.second});
        const auto name = accounts.user_name(entry.second);
        REQUIRE((name.has_value() && name->has_value()));
        // Another name when several share the number.
        CHECK(users.at(**name) == entry.second);
    }
    for (const auto& entry : groups) {
        CAPTURE(entry.first);
        CHECK(*accounts.group_id(entry.first) == std::optional{entry.second});
        const auto name = accounts.group_name(entry.second);
        REQUIRE((name.has_value() && name->has_value()));
        CHECK(groups.at(**name) == entry.second);
    }
}

TEST_CASE("what is not there is none, not an error") {
    const posix_accounts accounts;
    struct case_row {
        std::string_view name;
        std::string account;
    };
    const case_row rows[] = {
        {"never heard of", "powerconsul-nobody-has-this-name"},
        {"empty", ""},
        {"root, and more after a NUL", std::string("root\0x", 6)},
        {"root and a space", "root "},
        {"a number", "0"},
        {"a line of the file", "root:x:0:0"},
        {"longer than the first buffer", std::string(5000, 'x')},
        {"not UTF-8", "\xFF\xFE"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto user = accounts.user_id(row.account);
        const auto group = accounts.group_id(row.account);
        REQUIRE(user.has_value());
        REQUIRE(group.has_value());
        CHECK_FALSE(user->has_value());
        CHECK_FALSE(group->has_value());
    }
    const auto user = accounts.user_name(unused(entries_of("/etc/passwd")));
    const auto group = accounts.group_name(unused(entries_of("/etc/group")));
    REQUIRE(user.has_value());
    REQUIRE(group.has_value());
    CHECK_FALSE(user->has_value());
    CHECK_FALSE(group->has_value());
}
