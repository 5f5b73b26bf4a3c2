"""Nothing is allowed that the route's table does not name: `RoutePermission`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from planning_sync.api import principals, routes

if TYPE_CHECKING:
    from rest_framework.views import APIView


class RoutePermission(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        match = request.resolver_match
        name = match.url_name if match is not None else None
        method = "GET" if request.method == "HEAD" else str(request.method)
        needed = routes.needs().get(name or "", {}).get(method)
        if needed == routes.OPEN:
            return True
        if needed is None and method not in view.allowed_methods:
            raise MethodNotAllowed(method)
        if needed is None or not request.user.is_authenticated:
            return False
        return needed == routes.SIGNED_IN or principals.of(request).may(needed)
