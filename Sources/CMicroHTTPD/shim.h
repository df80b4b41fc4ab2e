#pragma once
#include <microhttpd.h>

/// MHD_start_daemon(3) takes its options as variable arguments, which Swift cannot give.
static inline struct MHD_Daemon *cmicrohttpd_start(
  int socket, unsigned int connections, size_t memory, unsigned int idle, void *context,
  MHD_AccessHandlerCallback answer, MHD_RequestCompletedCallback completed,
  MHD_NotifyConnectionCallback connection
) {
  return MHD_start_daemon(
    MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_ALLOW_UPGRADE | MHD_ALLOW_SUSPEND_RESUME,
    0, NULL, NULL, answer, context,
    MHD_OPTION_LISTEN_SOCKET, socket,
    MHD_OPTION_CONNECTION_LIMIT, connections,
    MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory,
    MHD_OPTION_CONNECTION_TIMEOUT, idle,
    MHD_OPTION_NOTIFY_COMPLETED, completed, context,
    MHD_OPTION_NOTIFY_CONNECTION, connection, context,
    MHD_OPTION_STRICT_FOR_CLIENT, 1,
    MHD_OPTION_END);
}

/// What MHD_get_connection_info(3) says of the socket; -1 where it does not.
static inline int cmicrohttpd_socket(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info =
    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info ? info->connect_fd : -1;
}

/// Gives an upgraded socket back to be closed.
static inline void cmicrohttpd_close(struct MHD_UpgradeResponseHandle *handle) {
  MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}
