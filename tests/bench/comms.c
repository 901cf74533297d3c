/* The least that a program can do which looks for a process by its name: each /proc/<pid>/comm is opened, read once and
 * closed. What `powerconsul check process --name` takes is measured against this.
 *
 * usage: comms NAME        prints how many processes have that name; exit status 0 if there is one, else 1 */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char** argv) {
    if (argc != 2) return 64;
    DIR* const processes = opendir("/proc");
    if (!processes) return 1;
    const size_t length = strlen(argv[1]);
    int found = 0;
    for (struct dirent* each; (each = readdir(processes));) {
        if (each->d_name[0] < '1' || each->d_name[0] > '9') continue;
        char path[280];
        snprintf(path, sizeof path, "/proc/%s/comm", each->d_name);
        const int comm = open(path, O_RDONLY | O_CLOEXEC);
        if (comm < 0) continue; /* it has ended meanwhile */
        char name[64];
        const ssize_t size = read(comm, name, sizeof name);
        close(comm);
        found += size == (ssize_t)length + 1 && memcmp(name, argv[1], length) == 0;
    }
    printf("%d\n", found);
    return found > 0 ? 0 : 1;
}
