#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/files.hpp>

namespace powerconsul::inline v0 {

/// Who reads a file: the effective ids of a process.
struct file_reader {
    std::uint32_t user{};
    std::uint32_t group{};
};

/// What is wrong with a file that holds a secret; `none` if nobody but root and the reader can read or change it. Its
/// group may read it if that is root's or the reader's own.
enum class exposure : unsigned char {
    none,
    foreign,
    changed_by_others,
    read_by_others,
    changed_by_group,
    read_by_group
};

[[nodiscard]] constexpr auto exposure_of(const file_status& file, const file_reader& reader) noexcept -> exposure {
    if (file.uid != 0 && file.uid != reader.user) return exposure::foreign;
    if ((file.mode & 0002U) != 0) return exposure::changed_by_others;
    if ((file.mode & 0007U) != 0) return exposure::read_by_others;
    if ((file.mode & 0020U) != 0) return exposure::changed_by_group;
    if ((file.mode & 0040U) != 0 && file.gid != 0 && file.gid != reader.group) return exposure::read_by_group;
    return exposure::none;
}

/// The permission bits as chmod takes them: `0640`.
[[nodiscard]] inline auto octal_mode(std::uint32_t mode) -> std::string {
    std::string text;
    for (std::uint32_t shift = 12; shift > 0; shift -= 3) {
        text += static_cast<char>('0' + (mode >> (shift - 3) & 7U));
    }
    return text;
}

/// The error for a file that is exposed, with owner, mode and what to do. `what` says whose file it is ("the token
/// file"), `owner` and `user` are the names (or numbers) of the file's owner and of the reader.
[[nodiscard]] inline auto exposed_file(exposure how, std::string_view what, const std::string& path,
                                       const file_status& file, std::string_view owner, std::string_view user)
    -> unexpected {
    const auto wrong = [&]() -> std::string {
        switch (how) {
            case exposure::foreign:
                return (user == "root" ? "does not belong to " : "belongs to neither root nor ") + std::string{user} +
                       ", who reads it";
            case exposure::changed_by_others: return "can be changed by others";
            case exposure::read_by_others: return "can be read by others";
            case exposure::changed_by_group: return "can be changed by its group";
            case exposure::read_by_group: return "can be read by a group that is not the reader's";
            case exposure::none: break;
        }
        return "is sound";
    };
    const std::string mend = how == exposure::foreign ? "chown " + std::string{user} + ' ' + path + " && " : "";
    return fail(errc::configuration, std::string{what} + ' ' + quoted(path) + " (owner " + std::string{owner} +
                                         ", mode " + octal_mode(file.mode) + ") " + wrong() + "; " + mend +
                                         "chmod 0600 " + path);
}

}  // namespace powerconsul::inline v0
