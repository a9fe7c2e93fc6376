from django.urls import path
from qa import views

urlpatterns = [
    path("", views.page),
    path("questions", views.ask),
    path("questions/<int:pk>/answers", views.answer),
    path("answers/<int:pk>/comments", views.comment),
    path("comments/<int:pk>", views.edit),
]
