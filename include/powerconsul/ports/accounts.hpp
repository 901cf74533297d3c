#pragma once

#include <concepts>
#include <cstdint>
#include <optional>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

/// Users and groups of the machine, by name and by number. Three answers each: a value, std::nullopt for "there is
/// none", an error for "cannot tell" (a directory service that does not answer).
template <typename T>
concept account_source = requires(T& accounts, const std::string& name, std::uint32_t id) {
    { accounts.user_id(name) } -> std::same_as<result<std::optional<std::uint32_t>>>;
    { accounts.group_id(name) } -> std::same_as<result<std::optional<std::uint32_t>>>;
    { accounts.user_name(id) } -> std::same_as<result<std::optional<std::string>>>;
    { accounts.group_name(id) } -> std::same_as<result<std::optional<std::string>>>;
};

/// The id of a user given by name or number, for those that are looked for: a number needs no account. Fails with
/// errc::bad_data if there is no such user.
template <account_source Accounts>
[[nodiscard]] auto find_user(Accounts& accounts, const std::string& user) -> result<std::uint32_t> {
    const auto known = accounts.user_id(user);
    if (!known) return unexpected{known.error()};
    if (*known) return **known;
    if (user.find_first_not_of("0123456789") != std::string::npos) {
        return fail(errc::bad_data, "there is no user " + quoted(user) + " on this machine");
    }
    const auto number = whole_number(user, UINT32_MAX - 1);
    if (!number) return fail(errc::bad_data, quoted(user) + " is no user id");
    return static_cast<std::uint32_t>(*number);
}

}  // namespace powerconsul::inline v0
