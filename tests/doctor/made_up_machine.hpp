#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>

#include <powerconsul/ports/machine.hpp>

/// What a test says of a machine. Every path is real unless it is `broken`, and programs hold nothing unless it is
/// said.
struct made_up_machine {
    std::set<std::string> executable{};
    std::set<std::string> writable{};
    std::set<std::string> broken{};
    std::map<std::string, std::string> links{};
    std::map<std::string, std::string> programs{};  ///< their first bytes
    powerconsul::free_room left{1, 1};
    std::optional<bool> synchronized{true};

    [[nodiscard]] auto can_execute(const std::string& path) const -> bool { return executable.contains(path); }
    [[nodiscard]] auto can_write(const std::string& path) const -> bool { return writable.contains(path); }
    [[nodiscard]] auto real_path(const std::string& path) const -> std::string {
        return broken.contains(path) ? "" : links.contains(path) ? links.at(path) : path;
    }
    [[nodiscard]] auto link_target(const std::string& path) const -> std::string {
        return links.contains(path) ? links.at(path) : "";
    }
    [[nodiscard]] auto beginning_of(const std::string& path, std::size_t limit) const -> std::string {
        return programs.contains(path) ? programs.at(path).substr(0, limit) : "";
    }
    [[nodiscard]] auto room(const std::string&) const -> powerconsul::free_room { return left; }
    [[nodiscard]] auto clock_is_synchronized() const -> std::optional<bool> { return synchronized; }
};

static_assert(powerconsul::local_machine<made_up_machine>);
