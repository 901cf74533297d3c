#pragma once

#include <powerconsul/config/settings_json.hpp>
#include <powerconsul/ports/files.hpp>

namespace powerconsul::inline v0 {

/// Whether two configurations say the same, however they are spelt.
[[nodiscard]] inline auto say_the_same(settings one, settings other) -> bool {
    for (auto* each : {&one, &other}) {
        algo::sort(each->substitutions);
        algo::sort(each->noop_triggers);
    }
    return one.values == other.values && one.substitutions == other.substitutions &&
           one.noop_triggers == other.noop_triggers;
}

/// Puts a configuration in its place, readable by all: it holds no secret. Returns false if the file that is there says
/// the same, and then writes nothing. Fails with errc::configuration if the text is none, with errc::failed if
/// something else is there and `may_replace` is false, and as the files do.
template <named_file_source Files>
[[nodiscard]] auto place_configuration(Files& files, const std::string& path, std::string_view text, bool may_replace)
    -> result<bool> {
    const auto said = json::decode_settings(text);
    if (!said) return unexpected{said.error()};
    const auto there = files.read_named(path, std::size_t{1024} * 1024);
    if (there && *there) {
        const auto old = json::decode_settings((*there)->bytes);
        if (old && say_the_same(*old, *said)) return false;
    }
    if (!may_replace) {
        if (!there)
            return fail(there.error().code == errc::denied ? errc::denied : errc::failed, there.error().message);
        if (*there) return fail(errc::failed, quoted(path) + " holds something else, which stays as it is", "force");
    }
    if (auto done = files.replace(path, text, 0644); !done) return unexpected{std::move(done).error()};
    return true;
}

}  // namespace powerconsul::inline v0
