#pragma once

#include <powerconsul/heal/pause.hpp>

/// Pausing and resuming.
namespace powerconsul::inline v0 {

/// Puts a pause in Consul's KV store, in the place of whatever stands there, or removes it where `text` is nothing.
/// Returns the text that stood there before: nobody else's change is lost unseen. `consul` is a consul_client. Fails
/// with errc::failed where others change the key all the time. After errc::unavailable and errc::timed_out it may be
/// done all the same; once more does no harm.
template <typename Client>
[[nodiscard]] auto change_pause(Client& consul, const std::string& key, std::string_view datacenter,
                                const std::optional<std::string>& text) -> result<std::optional<std::string>> {
    for (int tries = 0; tries < 5; ++tries) {
        auto before = consul.read_key(key, datacenter);
        if (!before && before.error().code == errc::denied) {
            return fail(errc::denied, before.error().message + ", and key:write on it to pause and resume");
        }
        if (!before) return unexpected{std::move(before).error()};
        if (!*before && !text) return std::optional<std::string>{};
        const auto changed = consul.change_key(key, datacenter, text, *before ? (*before)->modify_index : 0);
        if (!changed) return unexpected{changed.error()};
        if (!*changed) continue;
        return *before ? std::optional{std::move((*before)->value)} : std::nullopt;
    }
    return fail(errc::failed, key + " is changed by others all the time; try again");
}

/// The same for this node alone, in the state directory. The directory is never made here: whoever runs this need not
/// be the user for whom it has to be. The file is readable by that user, too.
template <locking_file_store Files>
[[nodiscard]] auto change_local_pause(Files& files, const std::string& state_dir, std::string_view service,
                                      const std::optional<std::string>& text) -> result<std::optional<std::string>> {
    auto before = read_local_pause(files, state_dir, service);
    if (!before) return before;
    if (!text && !*before) return before;
    const auto there = files.status(state_dir);
    if (!there) return unexpected{there.error()};
    if (!*there) {
        return fail(errc::failed, "there is no state directory " + state_dir +
                                      "; make it for the user that Consul's agent runs as, as in install -d -m 0700 -o "
                                      "consul " +
                                      state_dir);
    }
    const std::string path = pause_file(state_dir, service);
    const auto done = text ? files.replace(path, *text, 0644) : files.remove(path);
    if (!done) return unexpected{done.error()};
    return before;
}

}  // namespace powerconsul::inline v0
