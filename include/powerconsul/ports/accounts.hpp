#pragma once

#include <concepts>
#include <cstdint>
#include <optional>

#include <powerconsul/core/result.hpp>

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

}  // namespace powerconsul::inline v0
