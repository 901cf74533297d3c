#include "host.hpp"

#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/store/file.hpp>

#include "http.hpp"

namespace powerconsul::cli {

auto make_transport(const configuration& chosen) -> result<any_transport> {
    if (chosen.store.empty()) return make_http_transport(chosen.consul);
    return any_transport{file_store_transport{posix_files{}, chosen.store}};
}

}  // namespace powerconsul::cli
