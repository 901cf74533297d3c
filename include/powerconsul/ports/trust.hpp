#pragma once

#include <powerconsul/ports/files.hpp>

namespace powerconsul::inline v0 {

/// Who reads a file: the effective ids of a process.
struct file_reader {
    std::uint32_t user{};
    std::uint32_t group{};
};

inline constexpr std::string_view foreign_owner = "belongs to neither root nor its reader";

/// What is wrong with a file that holds a secret, as the end of a sentence about it; empty if nobody but root and the
/// reader can read or change it. Its group may read it if that is root's or the reader's own.
[[nodiscard]] constexpr auto exposure_of(const file_status& file, const file_reader& reader) noexcept
    -> std::string_view {
    if (file.uid != 0 && file.uid != reader.user) return foreign_owner;
    if ((file.mode & 0002U) != 0) return "can be changed by others";
    if ((file.mode & 0007U) != 0) return "can be read by others";
    if ((file.mode & 0020U) != 0) return "can be changed by its group";
    if ((file.mode & 0040U) != 0 && file.gid != 0 && file.gid != reader.group) {
        return "can be read by a group that is not the reader's";
    }
    return {};
}

/// Who else can change a file, as the end of a sentence about it; empty if only root and the reader can.
[[nodiscard]] constexpr auto changeable_by(const file_status& file, const file_reader& reader) noexcept
    -> std::string_view {
    if (file.uid != 0 && file.uid != reader.user) return foreign_owner;
    if ((file.mode & 0002U) != 0) return "can be changed by others";
    if ((file.mode & 0020U) != 0) return "can be changed by its group";
    return {};
}

/// The permission bits as chmod takes them: `0640`.
[[nodiscard]] inline auto octal_mode(std::uint32_t mode) -> std::string {
    std::string text;
    for (std::uint32_t shift = 12; shift > 0; shift -= 3) {
        text += static_cast<char>('0' + (mode >> (shift - 3) & 7U));
    }
    return text;
}

/// The error for a file that is exposed as exposure_of() or changeable_by() says, with owner, mode and what to do.
/// `what` says whose file it is ("the token file"), `owner` and `user` are the names (or numbers) of the file's owner
/// and of the reader, `mode` is what chmod is to make of it.
[[nodiscard]] inline auto exposed_file(std::string_view how, std::string_view what, const std::string& path,
                                       const file_status& file, std::string_view owner, const std::string& user,
                                       const std::string& mode = "0600") -> unexpected {
    const bool foreign = how == foreign_owner;
    const std::string whose = user == "root" ? "does not belong to root" : "belongs to neither root nor " + user;
    return fail(
        errc::configuration,
        std::string{what} + ' ' + quoted(path) + " (owner " + std::string{owner} + ", mode " + octal_mode(file.mode) +
            ") " + (foreign ? whose + ", who reads it; chown " + user + ' ' + path + " && " : std::string{how} + "; ") +
            "chmod " + mode + ' ' + path);
}

namespace detail {

/// Files as they are to be judged for another user: the agent's, who runs the checks, or the owner of a directory.
template <file_source Files>
struct files_of_user {
    Files& files;
    std::uint32_t id{};

    [[nodiscard]] auto status(const std::string& path) { return files.status(path); }
    [[nodiscard]] auto read(const std::string& path, std::size_t limit) { return files.read(path, limit); }
    [[nodiscard]] auto user() const -> std::uint32_t { return id; }
};

}  // namespace detail

/// Does only root, or the user that runs this, decide what stands there?
template <file_source Files>
[[nodiscard]] auto only_ours(Files& files, const file_status& facts) -> bool {
    return (facts.uid == 0 || facts.uid == files.user()) && (facts.mode & 0022U) == 0;
}

/// Whoever may write in the state directory decides what this node does: it must be a real directory, belong to root or
/// to the user that runs this, and be writable by its owner only; else errc::denied. True: it is there and to be
/// trusted. False: it is not there.
template <file_source Files>
[[nodiscard]] auto trusted_directory(Files& files, const std::string& path) -> result<bool> {
    const auto status = files.status(path);
    if (!status) return unexpected{status.error()};
    if (!*status) return false;
    const file_status& facts = **status;
    const auto refused = [&](std::string_view why) {
        return fail(errc::denied, "the state directory " + path + ' ' + std::string{why});
    };
    if (facts.kind == file_kind::symlink) return refused("is a symbolic link; use the real one");
    if (facts.kind != file_kind::directory) return refused("is not a directory");
    if (facts.uid != 0 && facts.uid != files.user()) return refused("belongs to another user; chown it to this one");
    if ((facts.mode & 0022U) != 0) return refused("can be written by others; chmod it to 0700");
    return true;
}

/// The same for a directory that is made where it is missing (not its parents).
template <file_store Files>
[[nodiscard]] auto make_trusted_directory(Files& files, const std::string& path) -> result<void> {
    auto trust = trusted_directory(files, path);
    if (trust && !*trust) {
        if (auto made = files.make_directory(path); !made) return made;
        trust = trusted_directory(files, path);
    }
    if (!trust) return unexpected{trust.error()};
    return {};
}

}  // namespace powerconsul::inline v0
