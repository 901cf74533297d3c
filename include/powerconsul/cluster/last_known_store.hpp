#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <powerconsul/cluster/last_known.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/files.hpp>
#include <powerconsul/ports/trust.hpp>

namespace powerconsul::inline v0 {

/// The file that keeps the last known role of a service.
[[nodiscard]] inline auto last_known_file(const std::string& state_dir, std::string_view service) -> std::string {
    return state_dir + "/last-known/" + percent_encoded(service) + ".json";
}

/// Keeps the last known role of each service below one directory of this node, `<path>/last-known/<service>.json`.
/// Whoever may write there decides what this node does while Consul is away, so the directories must belong to root or
/// to the user that runs this, must be writable by the owner only, and must not be symbolic links; else nothing is read
/// and nothing written.
template <typename Files>
    requires file_store<Files>
class state_directory {
public:
    state_directory(Files files, std::string path) : files_{static_cast<Files&&>(files)}, path_{std::move(path)} {}

    /// Nothing if there is no record. Fails with errc::bad_data if it is damaged, errc::io if it cannot be read, and
    /// errc::denied if its file or directories are not to be trusted.
    [[nodiscard]] auto load(std::string_view service) -> result<std::optional<last_known>> {
        for (const auto& directory : {path_, folder()}) {
            const auto trust = trusted_directory(files_, directory);
            if (!trust) return unexpected{trust.error()};
            if (!*trust) return std::optional<last_known>{};
        }
        const auto status = files_.status(file(service));
        if (!status) return unexpected{status.error()};
        if (*status && (*status)->kind == file_kind::regular && !only_ours(files_, **status)) {
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
            if (auto trust = make_trusted_directory(files_, directory); !trust) return trust;
        }
        return files_.replace(file(service), json::encode_last_known(known));
    }

    /// Where the record of a service stands.
    [[nodiscard]] auto file(std::string_view service) const -> std::string { return last_known_file(path_, service); }

private:
    [[nodiscard]] auto folder() const -> std::string { return path_ + "/last-known"; }

    Files files_;
    std::string path_;
};

}  // namespace powerconsul::inline v0
