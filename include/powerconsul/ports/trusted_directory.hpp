#pragma once

#include <string>
#include <string_view>

#include <powerconsul/core/result.hpp>
#include <powerconsul/ports/files.hpp>

namespace powerconsul::inline v0 {

/// Does only root, or the user that runs this, decide what stands there?
template <typename Files>
    requires file_source<Files>
[[nodiscard]] auto only_ours(Files& files, const file_status& facts) -> bool {
    return (facts.uid == 0 || facts.uid == files.user()) && (facts.mode & 0022U) == 0;
}

/// Whoever may write in the state directory decides what this node does: it must be a real directory, belong to root or
/// to the user that runs this, and be writable by its owner only; else errc::denied. True: it is there and to be
/// trusted. False: it is not there.
template <typename Files>
    requires file_source<Files>
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
template <typename Files>
    requires file_store<Files>
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
