#include <powerconsul/adapters/systemd_bus.hpp>

// Nobody is there to be asked.
int main() {
    powerconsul::milliseconds left{1000};
    powerconsul::systemd_bus units{{.manager = "", .system_bus = "/nonexistent/bus"}};
    const auto answer = units.ask("web.service", left);
    return !answer && answer.error().code == powerconsul::errc::unavailable ? 0 : 1;
}
