#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/files.hpp>

namespace powerconsul::inline v0 {

/// Whether a mountinfo (proc(5)) says that the proc mounted at `root` hides the processes of other users. Of several
/// mounts there, the last one is visible. A mount with `gid=` counts as not hiding, since only the kernel can tell whom
/// it hides them from.
[[nodiscard]] constexpr auto is_mounted_hiding(std::string_view mountinfo, std::string_view root) -> bool {
    bool hides = false;
    while (!mountinfo.empty()) {
        std::string_view line = next_part(mountinfo, '\n');
        for (int skipped = 0; skipped < 4; ++skipped) (void)next_part(line, ' ');
        if (next_part(line, ' ') != root) continue;
        hides = false;
        // Blanks inside the other fields are written as \040.
        const std::size_t dash = line.find(" - ");
        if (dash == std::string_view::npos) continue;
        line.remove_prefix(dash + 3);
        if (next_part(line, ' ') != "proc") continue;
        (void)next_part(line, ' ');  // the source, any text
        bool open = false;
        while (!line.empty()) {
            const std::string_view option = next_part(line, ',');
            open = open || option.starts_with("gid=");
            // A number before Linux 5.8, a word since then.
            if (option.starts_with("hidepid=")) hides = option != "hidepid=0" && option != "hidepid=off";
        }
        hides = hides && !open;
    }
    return hides;
}

/// Whether the proc mounted at `root` hides other users' processes from this one. Seeing pid 1 proves nothing: in a
/// container it may belong to the same user. False if the list of mounts cannot be read or is larger than 1 MiB.
template <file_source Files>
[[nodiscard]] auto hides_processes(Files& files, const std::string& root) -> bool {
    if (files.user() == 0) return false;
    const auto mounts = files.read(root + "/self/mountinfo", std::size_t{1} << 20U);
    return mounts && *mounts && is_mounted_hiding(**mounts, root);
}

}  // namespace powerconsul::inline v0
