#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <powerconsul/files.hpp>
#include <powerconsul/json/last_known.hpp>
#include <powerconsul/text.hpp>

namespace powerconsul::inline v0 {

/// Keeps the last known role of each service below one directory of this node, `<path>/last-known/<service>.json`.
/// Whoever may write there decides what this node does while Consul is away, so the directories must belong to root or
/// to the user that runs this, must be writable by the owner only, and must not be symbolic links; else nothing is read
/// and nothing written.
template <typename Files>
    requires file_store<Files>
class state_directory {
public:
    state_directory(Files files, std::string path) : files_{static_cast<Files&&>(files)}, path_{std::move(path)} {}

    /// Nothing if there is no record. errc::bad_data: damaged; errc::io: not readable; errc::denied: not to be trusted.
    [[nodiscard]] auto load(std::string_view service) -> result<std::optional<last_known>> {
        for (const auto& directory : {path_, folder()}) {
            const auto trust = trusted(directory);
            if (!trust) return unexpected{trust.error()};
            if (!*trust) return std::optional<last_known>{};
        }
        const auto status = files_.status(file(service));
        if (!status) return unexpected{status.error()};
        if (*status && (*status)->kind == file_kind::regular && !only_ours(**status)) {
            return fail(errc::denied,
                        file(service) + " belongs to another user or can be written by others; delete it");
        }
        const auto text = files_.read(file(service), 16 * 1024);
        if (!text) return unexpected{text.error()};
        if (!*text) return std::optional<last_known>{};
        auto known = json::decode_last_known(**text);
        if (!known) return fail(errc::bad_data, file(service) + ": " + known.error().message);
        return std::optional<last_known>{std::move(*known)};
    }

    /// Replaces the record; makes the directories (not their parents) where they are missing.
    [[nodiscard]] auto save(std::string_view service, const last_known& known) -> result<void> {
        for (const auto& directory : {path_, folder()}) {
            auto trust = trusted(directory);
            if (trust && !*trust) {
                if (auto made = files_.make_directory(directory); !made) return made;
                trust = trusted(directory);
            }
            if (!trust) return unexpected{trust.error()};
        }
        return files_.replace(file(service), json::encode_last_known(known));
    }

private:
    [[nodiscard]] auto folder() const -> std::string { return path_ + "/last-known"; }
    [[nodiscard]] auto file(std::string_view service) const -> std::string {
        return folder() + '/' + percent_encoded(service) + ".json";
    }

    [[nodiscard]] auto only_ours(const file_status& facts) const -> bool {
        return (facts.uid == 0 || facts.uid == files_.user()) && (facts.mode & 0022U) == 0;
    }

    /// True: there and to be trusted. False: not there.
    [[nodiscard]] auto trusted(const std::string& directory) -> result<bool> {
        const auto status = files_.status(directory);
        if (!status) return unexpected{status.error()};
        if (!*status) return false;
        const file_status& facts = **status;
        const auto refused = [&](std::string_view why) {
            return fail(errc::denied, "the state directory " + directory + ' ' + std::string{why});
        };
        if (facts.kind == file_kind::symlink) return refused("is a symbolic link; use the real one");
        if (facts.kind != file_kind::directory) return refused("is not a directory");
        if (facts.uid != 0 && facts.uid != files_.user()) {
            return refused("belongs to another user; chown it to this one");
        }
        if ((facts.mode & 0022U) != 0) return refused("can be written by others; chmod it to 0700");
        return true;
    }

    Files files_;
    std::string path_;
};

}  // namespace powerconsul::inline v0
