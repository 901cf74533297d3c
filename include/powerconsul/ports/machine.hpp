#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <powerconsul/version.hpp>

namespace powerconsul::inline v0 {

/// What is left of a file system for this user.
struct free_room {
    std::optional<std::uint64_t> bytes{};  ///< nothing if the system does not tell
    std::optional<std::uint64_t> files{};  ///< nothing as well where the file system does not count them
};

/// What only the operating system can tell about a machine, beyond what its files hold. `can_execute` and `can_write`
/// (a directory) answer for this process's user. `real_path` is the path without symbolic links, `link_target` what one
/// link says; both are empty if the system refuses. `beginning_of` gives at most that many bytes of a file, none of one
/// that cannot be read. `clock_is_synchronized` is nothing if the kernel does not tell.
template <typename T>
concept local_machine = requires(T& machine, const std::string& path, std::size_t limit) {
    { machine.can_execute(path) } -> std::same_as<bool>;
    { machine.can_write(path) } -> std::same_as<bool>;
    { machine.real_path(path) } -> std::same_as<std::string>;
    { machine.link_target(path) } -> std::same_as<std::string>;
    { machine.beginning_of(path, limit) } -> std::same_as<std::string>;
    { machine.room(path) } -> std::same_as<free_room>;
    { machine.clock_is_synchronized() } -> std::same_as<std::optional<bool>>;
};

}  // namespace powerconsul::inline v0
